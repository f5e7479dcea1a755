//! Where the course's files are, and its programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The paths of the lessons' programs, by their names.
pub type Programs = BTreeMap<String, PathBuf>;

/// The folder of the workspace.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The folder of the edition that is written first.
pub fn edition() -> PathBuf {
    root().join("book/en")
}

/// Where recordings are kept from build to build, and sessions run.
pub fn kept_sessions() -> PathBuf {
    root().join("target/book-sessions")
}

/// Whether this file is an exercise or its solution, which stand beside the lessons and not in the book: a
/// learner writes the ones and is not to read the others there.
pub fn is_an_exercise(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("exercise.") || name == "solution.rs"
}

/// Builds the programs of the lessons: the path of each, by its name.
///
/// # Errors
/// cargo cannot be started, or it says what does not compile.
pub fn build_programs() -> Result<Programs> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.current_dir(root()).stderr(Stdio::inherit()).stdin(Stdio::null());
    build.args([
        "build",
        "--locked",
        "--quiet",
        // Without the exercises: what a learner has half done stops no book.
        "--package=sockets-by-example",
        "--bins",
        "--message-format=json-render-diagnostics",
    ]);
    let output = build.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the lessons do not compile");
    }
    let mut programs = Programs::new();
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Message = serde_json::from_slice(line).context("cargo speaks otherwise")?;
        if let (Some(path), Some(target)) = (message.executable, message.target) {
            programs.insert(target.name, path);
        }
    }
    Ok(programs)
}

/// What we read of a line of cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}
