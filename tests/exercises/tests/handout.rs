//! What is handed out to a class: the course without a trace of a solution, which builds and works.

mod course;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use checks::EXERCISES;
use checks::compile::root;
use checks::handout::{self, TOP, files, packed};
use course::Course;
use tempfile::TempDir;
use zip::{DateTime, ZipArchive};

/// The files of an archive by their paths below [`TOP`]: the text, and the permissions.
fn unpacked(archive: &[u8]) -> Result<BTreeMap<String, (Vec<u8>, u32)>> {
    let mut archive = ZipArchive::new(Cursor::new(archive))?;
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        let name = name.strip_prefix(TOP).and_then(|name| name.strip_prefix('/'));
        let name = name.context("a file stands outside of the folder")?.to_owned();
        ensure!(file.last_modified() == Some(DateTime::default()), "{name} has a time of its own");
        let mode = file.unix_mode().context("no permissions")?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        files.insert(name, (text, mode & 0o777));
    }
    Ok(files)
}

#[test]
fn the_archive_holds_the_course_and_no_file_that_needs_a_solution() -> Result<()> {
    let files = unpacked(&packed(&files()?)?)?;
    for path in ["Cargo.lock", "Makefile", "README.md", "book/en/src/SUMMARY.md"] {
        assert!(files.contains_key(path), "{path} is missing");
    }
    for exercise in EXERCISES {
        let path = format!("lessons/{}/exercise.rs", exercise.folder);
        assert_eq!(files[&path].0, exercise.handed_out.as_bytes(), "{path}");
    }
    for (kept, handed_out) in handout::WORKFLOWS {
        assert_eq!(files[*handed_out].0, fs::read(root().join(kept))?, "{handed_out}");
    }
    for path in files.keys() {
        assert!(!path.contains("solution"), "{path}");
        assert!(!path.starts_with("tests/exercises/mistakes/"), "{path}");
        assert!(!path.starts_with("tests/exercises/right/"), "{path}");
        assert!(!path.starts_with(".ci/"), "{path}");
    }
    Ok(())
}

#[test]
fn the_same_files_make_the_same_archive() -> Result<()> {
    assert_eq!(packed(&files()?)?, packed(&files()?)?);
    Ok(())
}

/// The lines of a text that say something, as they are compared: a patch or a quotation is indented and
/// marked otherwise than the file that it is of.
fn lines(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.trim_start_matches(['+', '-', ' ', '>', '\t']).trim());
    lines.filter(|line| !line.is_empty()).collect()
}

/// Three lines of a solution that follow each other, two of which stand in no file that a learner may see
/// anyway, and are long enough to be nobody else's.
fn telling<'a>(solution: &'a str, seen: &HashSet<&str>) -> HashSet<Vec<&'a str>> {
    let tells = |line: &&&str| line.len() >= 12 && !seen.contains(**line);
    let lines = lines(solution);
    let three = lines.windows(3).filter(|three| three.iter().filter(tells).count() >= 2);
    three.map(<[&str]>::to_vec).collect()
}

#[test]
fn no_file_of_the_archive_holds_a_part_of_a_solution() -> Result<()> {
    let files = files()?;
    let text = |path: &str| files.get(path).and_then(|file| str::from_utf8(&file.text).ok());
    let mut seen = HashSet::new();
    for path in files.keys().filter(|path| path.starts_with("lessons/")) {
        seen.extend(text(path).map(lines).unwrap_or_default());
    }
    let mut solutions = Vec::new();
    for exercise in EXERCISES {
        let path = root().join("lessons").join(exercise.folder).join("solution.rs");
        solutions.push(fs::read_to_string(&path).with_context(|| path.display().to_string())?);
    }
    let mut parts = HashSet::new();
    for solution in &solutions {
        parts.extend(telling(solution, &seen));
    }
    let given_away = |text: &str| lines(text).windows(3).any(|three| parts.contains(three));
    // The rule finds what it is to find.
    let echo = EXERCISES.iter().position(|it| it.number() == "07").context("no exercise 07")?;
    assert!(given_away(&solutions[echo]));
    for path in files.keys() {
        assert!(!text(path).is_some_and(given_away), "{path} holds a part of a solution");
    }
    Ok(())
}

#[test]
fn the_course_that_is_handed_out_builds_and_checks_an_exercise() -> Result<()> {
    let course = Course::unpacked(&packed(&files()?)?)?;
    let cargo = env!("CARGO");
    let metadata = ["metadata", "--locked", "--no-deps", "--format-version=1"];
    let metadata = course.run(course.command(cargo).args(metadata))?;
    assert!(!metadata.contains("-solution"), "{metadata}");

    course.run(course.command(cargo).args(["test", "--locked", "--no-run"]))?;

    let echo = checks::exercise("07").map_err(anyhow::Error::msg)?;
    // Here it knows the course by itself, as on a learner's machine.
    let mut exercise = course.command(cargo);
    let output = exercise.args(["exercise", "07"]).env_remove("SOCKETS_COURSE").output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    for promise in echo.promises {
        assert!(said.contains(promise.name), "{output:?}");
    }
    assert!(said.contains("no answer to the sixth within one second"), "{output:?}");
    Ok(())
}

/// The exercises' own program, in this folder.
fn hand_out(course: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_exercise"));
    command.arg("handout").env("SOCKETS_COURSE", course);
    // A repository around the folder for temporary files is not asked.
    command.env("GIT_CEILING_DIRECTORIES", course.parent().unwrap_or(course));
    command
}

fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let output = Command::new("git").args(arguments).current_dir(folder).output()?;
    ensure!(output.status.success(), "git {arguments:?}: {output:?}");
    Ok(())
}

/// A course that somebody works on, in a repository of its own.
fn worked_on() -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let course = folder.path();
    for (path, file) in files()? {
        let place = course.join(path);
        fs::create_dir_all(place.parent().unwrap_or(course))?;
        fs::write(place, file.text)?;
    }
    fs::copy(root().join("lessons/Cargo.toml"), course.join("lessons/Cargo.toml"))?;
    fs::write(course.join("lessons/07-echo/exercise.rs"), "fn main() {} // mine\n")?;
    fs::write(course.join("lessons/07-echo/solution.rs"), "fn main() {} // ours\n")?;
    fs::write(course.join("lessons/notes.txt"), "in the course\n")?;
    git(course, &["init", "--quiet"])?;
    git(course, &["add", "--all"])?;
    git(course, &["update-index", "--chmod=+x", "README.md"])?;
    fs::write(course.join("lessons/notes.txt"), "changed\n")?;
    fs::write(course.join("lessons/exam.txt"), "git does not know it\n")?;
    fs::remove_file(course.join("LICENSE-MIT"))?;
    Ok(folder)
}

fn output_of(mut command: Command) -> Result<(Output, String)> {
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output, errors))
}

#[test]
fn a_learner_s_work_stays_with_the_learner_and_what_git_does_not_know_stays_at_home() -> Result<()>
{
    let course = worked_on()?;
    let (output, errors) = output_of(hand_out(course.path()))?;
    assert!(output.status.success(), "{errors}");
    let archive = fs::read(course.path().join("target/handout/sockets-by-example.zip"))?;
    let files = unpacked(&archive)?;

    let echo = checks::exercise("07").map_err(anyhow::Error::msg)?;
    assert_eq!(files["lessons/07-echo/exercise.rs"].0, echo.handed_out.as_bytes());
    assert!(!files.contains_key("lessons/07-echo/solution.rs"));
    assert_eq!(files["lessons/notes.txt"].0, b"changed\n");
    assert!(!files.contains_key("lessons/exam.txt"));
    assert!(!files.contains_key("LICENSE-MIT"));
    let manifest = String::from_utf8(files["lessons/Cargo.toml"].0.clone())?;
    assert!(manifest.contains("07-exercise") && !manifest.contains("solution.rs"), "{manifest}");
    assert_eq!(files["README.md"].1, 0o755);
    assert_eq!(files["Makefile"].1, 0o644);
    Ok(())
}

#[test]
fn without_git_or_its_repository_it_says_so() -> Result<()> {
    let course = worked_on()?;
    // Windows finds a program in more places than this variable names.
    if cfg!(unix) {
        let mut command = hand_out(course.path());
        command.env("PATH", "");
        let (output, errors) = output_of(command)?;
        assert!(!output.status.success());
        assert!(errors.contains("cannot start git"), "{errors}");
    }

    fs::remove_dir_all(course.path().join(".git"))?;
    let (output, errors) = output_of(hand_out(course.path()))?;
    assert!(!output.status.success());
    assert!(errors.contains("git does not track the course"), "{errors}");
    assert!(!course.path().join("target").exists());
    Ok(())
}
