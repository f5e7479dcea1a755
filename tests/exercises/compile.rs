//! From the file of a learner to a program: by cargo, as an editor would, or by rustc alone, for files
//! that come from somewhere else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The folder of the course: the one in which this was built, or what the variable `SOCKETS_COURSE`
/// names, for tests that may not touch anybody's files.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| match std::env::var_os("SOCKETS_COURSE") {
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
        None => {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            here.ancestors().nth(2).unwrap_or(here).to_path_buf()
        }
    })
}

/// What became of a program that was to be built.
#[derive(Clone, Debug, Default)]
pub struct Built {
    /// Where it is, when it compiles.
    pub program: Option<PathBuf>,
    /// What the compiler said, as warnings or as errors, with colours.
    pub said: String,
}

/// Builds these programs of the package `exercises`: what became of each, by its name. Nothing is
/// printed.
///
/// # Errors
/// cargo cannot be started, speaks otherwise, or says itself why it cannot build: something else than
/// these programs does not compile.
pub fn build<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, Built>> {
    let mut build = cargo("json-diagnostic-rendered-ansi");
    build.args(["--keep-going", "--package", "exercises"]).stderr(Stdio::piped());
    let mut programs = BTreeMap::new();
    for name in names {
        build.args(["--bin", name]);
        programs.insert(name.to_owned(), Built::default());
    }
    let output = build.output().context("cannot start cargo")?;
    let mut elsewhere = String::new();
    for line in artifacts(&output.stdout)? {
        let Some(target) = line.target else { continue };
        let program = programs.get_mut(&target.name);
        let said = line.message.and_then(Message::worth_reading).unwrap_or_default();
        match program {
            Some(built) => {
                built.said += &said;
                built.program = line.executable.or(built.program.take());
            }
            None => elsewhere += &said,
        }
    }
    let unsaid = |built: &Built| built.program.is_none() && built.said.is_empty();
    if programs.values().any(unsaid) {
        bail!("{elsewhere}{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(programs)
}

/// How a single file is compiled with the crates that the exercises may use, without cargo and without
/// anything of the learner's but this file.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The compiler itself, and not a proxy that looks for it.
    pub rustc: PathBuf,
    /// The folder of the Rust toolchain: what a compiler that runs apart has to see.
    pub sysroot: PathBuf,
    /// The files of the crates: as `sysroot`. Not their folders, where programs that cargo built stand too.
    pub files: Vec<PathBuf>,
    arguments: Vec<OsString>,
    /// How many compilers may start now: as many run as there are cores, or what is checked meanwhile would
    /// get no turn.
    free: Arc<(Mutex<usize>, Condvar)>,
}

impl Compiler {
    /// Builds the crates that the exercises may use, and finds the compiler.
    ///
    /// # Errors
    /// cargo or rustc cannot be started, or the course does not compile.
    pub fn find() -> Result<Self> {
        let print = |what: &str| -> Result<PathBuf> {
            let mut rustc = Command::new("rustc");
            rustc.args(["--print", what]).current_dir(root());
            let output = rustc.output().context("cannot start rustc")?;
            Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim_end()))
        };
        let sysroot = print("sysroot")?;
        let rustc = sysroot.join("bin").join(format!("rustc{}", std::env::consts::EXE_SUFFIX));

        let mut build = cargo("json-render-diagnostics");
        build.args(["--package", "sockets-by-example", "--lib"]);
        let (compiled, artifacts) = run(build)?;
        if !compiled {
            bail!("the library of the lessons does not compile");
        }
        let allowed = direct_dependencies()?;
        let mut arguments: Vec<OsString> = vec!["--edition=2024".into()];
        let mut libraries = Vec::new();
        let mut files = Vec::new();
        for Artifact { filenames, target, .. } in artifacts {
            let Some(target) = target else { continue };
            files.extend(filenames.iter().filter(|path| is_library(path)).cloned());
            let library =
                filenames.into_iter().find(|path| path.extension() == Some("rlib".as_ref()));
            let Some(library) = library else { continue };
            if let Some(folder) = library.parent() {
                let deps = folder.join("deps");
                if deps.is_dir() && !libraries.contains(&deps) {
                    libraries.push(deps);
                }
                let folder = folder.to_path_buf();
                if !libraries.contains(&folder) {
                    libraries.push(folder);
                }
            }
            if allowed.contains(&target.name.replace('-', "_")) {
                let mut named = OsString::from(target.name.replace('-', "_"));
                named.push("=");
                named.push(library);
                arguments.extend(["--extern".into(), named]);
            }
        }
        for folder in &libraries {
            let mut search = OsString::from("dependency=");
            search.push(folder);
            arguments.extend(["-L".into(), search]);
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let free = Arc::new((Mutex::new(cores), Condvar::new()));
        Ok(Self { rustc, sysroot, files, arguments, free })
    }

    /// What rustc is called with so that it makes `program` of the file `source`. Without debugging
    /// information: nobody steps through it, and it is written faster.
    pub fn arguments(&self, source: &Path, program: &Path) -> Vec<OsString> {
        let mut all = self.arguments.clone();
        all.extend(["--crate-name".into(), "exercise".into(), "--crate-type=bin".into()]);
        all.extend(["-C".into(), "debug-assertions=on".into(), "-o".into(), program.into()]);
        all.push(source.into());
        all
    }

    /// Compiles the file `source` to `program`: what the compiler said, as warnings or as errors.
    ///
    /// # Errors
    /// rustc cannot be started. A file that does not compile is the `Err` inside.
    pub fn compile(&self, source: &Path, program: &Path) -> Result<Result<String, String>> {
        let mut rustc = Command::new(&self.rustc);
        rustc.args(self.arguments(source, program)).stdin(Stdio::null());
        let (free, freed) = &*self.free;
        let waiting = free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut one =
            freed.wait_while(waiting, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *one -= 1;
        drop(one);
        let output = rustc.output();
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        freed.notify_one();
        let output = output.context("cannot start rustc")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(if output.status.success() { Ok(said) } else { Err(said) })
    }
}

/// Whether the compiler reads this file when it is told to use a crate: also a macro, which is a library
/// of the system's own kind.
fn is_library(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    extension
        .is_some_and(|it| it == "rlib" || it == "rmeta" || it == std::env::consts::DLL_EXTENSION)
}

fn cargo(messages: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).stdin(Stdio::null()).stderr(Stdio::inherit());
    cargo.args(["build", "--locked", "--quiet", "--message-format", messages]);
    cargo
}

/// Runs a build: whether all of it compiled, and what it made or had made before.
fn run(mut cargo: Command) -> Result<(bool, Vec<Artifact>)> {
    let output = cargo.output().context("cannot start cargo")?;
    Ok((output.status.success(), artifacts(&output.stdout)?))
}

fn artifacts(printed: &[u8]) -> Result<Vec<Artifact>> {
    let lines = printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let artifacts: Result<_, _> = lines.map(serde_json::from_slice).collect();
    artifacts.context("cargo speaks otherwise")
}

/// The names of the crates that the package `exercises` says it uses, as Rust code writes them.
fn direct_dependencies() -> Result<Vec<String>> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["metadata", "--locked", "--no-deps", "--format-version=1"]).current_dir(root());
    let output = cargo.output().context("cannot start cargo")?;
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cargo speaks otherwise")?;
    let exercises = metadata.packages.into_iter().find(|package| package.name == "exercises");
    let dependencies = exercises.context("there is no package `exercises`")?.dependencies;
    Ok(dependencies.into_iter().map(|it| it.name.replace('-', "_")).collect())
}

/// What we read of a line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    target: Option<Target>,
    message: Option<Message>,
}

/// What the compiler says.
#[derive(Deserialize)]
struct Message {
    rendered: Option<String>,
    message: String,
}

impl Message {
    /// Its text, unless it only counts the others.
    fn worth_reading(self) -> Option<String> {
        let counts = self.message.starts_with("aborting due to")
            || (self.message.contains(" warning") && self.message.ends_with(" emitted"));
        if counts { None } else { self.rendered }
    }
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// What we read of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}
