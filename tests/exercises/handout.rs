//! The course without the solutions, as an archive for a class.
//!
//! What is handed out is what git tracks, as it stands in this working copy, and the same bytes whenever
//! it is the same. Three things differ: what [`GIVES_AWAY`] and [`OURS`] name is left out, each exercise is
//! as it was before anybody worked on it, and the [`WORKFLOWS`] stand where GitHub and GitLab look for them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use toml_edit::DocumentMut;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::EXERCISES;
use crate::compile::root;

/// What gives a solution away, or cannot be tried without one: a folder ends with `/`, a `*` stands for
/// one name. A target of cargo whose file is left out is taken out of its `Cargo.toml` too.
pub const GIVES_AWAY: &[&str] = &[
    "lessons/*/solution.rs",
    // Patches against the solutions.
    "tests/exercises/mistakes/",
    "tests/exercises/right/",
    // They prove that the checks are honest, with the solutions. The checks themselves stay.
    "tests/exercises/tests/",
];

/// What is about the project as a whole, and not for a class.
pub const OURS: &[&str] = &[".ci/", ".github/"];

/// Where a workflow is kept, and where it stands in the archive.
pub const WORKFLOWS: &[(&str, &str)] = &[
    ("tests/exercises/workflows/github.yml", ".github/workflows/classroom.yml"),
    ("tests/exercises/workflows/gitlab.yml", ".gitlab-ci.yml"),
];

/// The folder in the archive that holds everything.
pub const TOP: &str = "sockets-by-example";

/// A file of the archive.
pub struct File {
    pub text: Vec<u8>,
    /// Whether it is a program: `-rwxr-xr-x`.
    pub executable: bool,
}

/// Writes the archive `target/handout/sockets-by-example.zip`, and says where.
///
/// # Errors
/// There is no git, git does not track the course, or a file cannot be read or written.
pub fn write() -> Result<ExitCode> {
    let files = files()?;
    let archive = packed(&files)?;
    let folder = Path::new("target").join("handout");
    let place = folder.join(format!("{TOP}.zip"));
    let path = root().join(&place);
    fs::create_dir_all(root().join(&folder)).with_context(|| folder.display().to_string())?;
    fs::write(&path, &archive).with_context(|| path.display().to_string())?;
    sockets_by_example::say!(
        "{}: {} files, {} KiB",
        place.display(),
        files.len(),
        archive.len().div_ceil(1024)
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The files of the archive by their paths in it, below [`TOP`]; the names of folders end with `/`.
///
/// # Errors
/// There is no git, git does not track the course, or a file cannot be read.
pub fn files() -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for Tracked { path, executable } in tracked()? {
        if GIVES_AWAY.iter().chain(OURS).any(|rule| names(rule, &path)) {
            continue;
        }
        let place = root().join(&path);
        // It is tracked and was deleted: whoever hands out without it means it.
        if !place.try_exists()? {
            continue;
        }
        let text = fs::read(&place).with_context(|| place.display().to_string())?;
        files.insert(path, File { text, executable });
    }
    for exercise in EXERCISES {
        let path = format!("lessons/{}/exercise.rs", exercise.folder);
        let text = exercise.handed_out.as_bytes().to_vec();
        files.insert(path, File { text, executable: false });
    }
    for (from, to) in WORKFLOWS {
        let text = fs::read(root().join(from)).with_context(|| (*from).to_owned())?;
        files.insert((*to).to_owned(), File { text, executable: false });
    }
    let manifests = files.keys().filter(|path| path.split('/').next_back() == Some("Cargo.toml"));
    for manifest in manifests.cloned().collect::<Vec<_>>() {
        let text = String::from_utf8(files[&manifest].text.clone());
        let text = text.with_context(|| manifest.clone())?;
        let folder = manifest.strip_suffix("Cargo.toml").unwrap_or_default();
        let there = |path: &str| files.contains_key(&format!("{folder}{path}"));
        if let Some(text) = without_targets(&text, there).with_context(|| manifest.clone())? {
            files.insert(manifest, File { text: text.into_bytes(), executable: false });
        }
    }
    Ok(files)
}

/// Whether a rule of [`GIVES_AWAY`] names this path.
fn names(rule: &str, path: &str) -> bool {
    match rule.split_once('*') {
        _ if rule.ends_with('/') => path.starts_with(rule),
        None => path == rule,
        Some((before, after)) => path
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|name| !name.contains('/')),
    }
}

/// The text of a `Cargo.toml` without the targets whose file is not there: nothing when all are there.
fn without_targets(text: &str, there: impl Fn(&str) -> bool) -> Result<Option<String>> {
    let mut manifest: DocumentMut = text.parse()?;
    let mut changed = false;
    for kind in ["bin", "test", "bench", "example"] {
        let Some(targets) = manifest.get_mut(kind).and_then(|it| it.as_array_of_tables_mut())
        else {
            continue;
        };
        let before = targets.len();
        targets.retain(|target| {
            let path = target.get("path").and_then(|path| path.as_str());
            // A path that leads out of its package, or none, is nothing that we take out.
            path.is_none_or(|path| path.starts_with("..") || there(path))
        });
        changed |= targets.len() < before;
    }
    Ok(changed.then(|| manifest.to_string()))
}

/// A file that git tracks.
struct Tracked {
    /// Below the folder of the course, with `/` on every system.
    path: String,
    executable: bool,
}

/// The files of the course that git tracks.
fn tracked() -> Result<Vec<Tracked>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--stage", "-z"]).current_dir(root());
    let output = git.output().context(
        "cannot start git, which says which files belong to the course: install it (git-scm.com)",
    )?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "git does not track the course in {}, and so cannot say which files belong to it: `git init && \
             git add .` there, and try again ({})",
            root().display(),
            said.trim()
        );
    }
    let mut files = Vec::new();
    let lines = String::from_utf8(output.stdout).context("a file has a name that is no UTF-8")?;
    for line in lines.split_terminator('\0') {
        let (entry, path) = line.split_once('\t').context("git speaks otherwise")?;
        let executable = match entry.split(' ').next() {
            Some("100644") => false,
            Some("100755") => true,
            // Not every system can unpack a link.
            _ => bail!("{path} is a link or another repository, and not a file"),
        };
        files.push(Tracked { path: path.to_owned(), executable });
    }
    // So it is in a folder that lies in somebody else's repository.
    ensure!(
        files.iter().any(|file| file.path == "Cargo.toml"),
        "git does not track the course in {}: `git init && git add .` there, and try again",
        root().display()
    );
    Ok(files)
}

/// The archive of these files as bytes: a ZIP file. The same files give the same bytes: they stand in the
/// order of their paths, and have one time.
///
/// # Errors
/// There is none that we know of: it is written to memory.
pub fn packed(files: &BTreeMap<String, File>) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, file) in files {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(if file.executable { 0o755 } else { 0o644 });
        zip.start_file(format!("{TOP}/{path}"), options)?;
        zip.write_all(&file.text)?;
    }
    Ok(zip.finish()?.into_inner())
}
