//! Proves that the checks are honest: the file as handed out is refused, the solution passes, and every
//! typical mistake is refused by the promise that it breaks, with words that lead on.
//!
//! A mistake is a patch against the solution, `mistakes/NN-name/what-is-wrong.patch`. Before the patch
//! stand three lines: what is wrong, the promise that finds it, and words that its learner is told. Another
//! right way is a patch as well, `right/NN-name/what-is-different.patch`, with a line that says so; it
//! passes.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use checks::EXERCISES;
use checks::check::{Exercise, Outcome};
use checks::compile::{Compiler, root};
use checks::report::report;
use checks::stage::Subject;
use libtest_mimic::{Arguments, Failed, Trial};

/// Tries what a patch makes of the solution.
type PatchTest = fn(&Compiler, &Exercise, &Path) -> Result<()>;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::from_args();
    // Most of the time is waiting.
    arguments.test_threads.get_or_insert(12);
    let compiler = Arc::new(Compiler::find()?);
    let mut trials = Vec::new();
    trials.push(Trial::test("every_file_belongs_to_an_exercise_that_is_tried", || {
        told(every_file_is_tried())
    }));
    for &exercise in EXERCISES {
        let mut trial = |name: &str, test: fn(&Compiler, &Exercise) -> Result<()>| {
            let (name, compiler) = (format!("{}::{name}", exercise.folder), compiler.clone());
            trials.push(Trial::test(name, move || told(test(&compiler, exercise))));
        };
        trial("the_hand_out_is_refused_by_every_promise", the_hand_out_is_refused);
        trial("the_solution_passes", the_solution_passes);
        trial("the_promises_stand_in_the_head_of_the_hand_out", the_promises_stand_in_the_head);
        trial("the_teachers_chapter_tells_of_mistakes_that_are_refused", the_chapter_tells);
        trial("there_are_two_mistakes_and_another_right_way_at_least", |_, exercise| {
            ensure!(patches("mistakes", exercise)?.len() >= 2, "less than two mistakes");
            ensure!(!patches("right", exercise)?.is_empty(), "no other right way");
            Ok(())
        });
        let kinds: [(&str, PatchTest); 2] =
            [("mistakes", the_mistake_is_refused), ("right", the_other_way_passes)];
        for (kind, test) in kinds {
            for patch in patches(kind, exercise)? {
                let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let (name, compiler) =
                    (format!("{}::{kind}::{name}", exercise.folder), compiler.clone());
                trials.push(Trial::test(name, move || told(test(&compiler, exercise, &patch))));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit()
}

/// Whether the compiler may warn: a learner's program may be warned of, ours not.
#[derive(PartialEq)]
enum Warnings {
    Allowed,
    Forbidden,
}

fn told(result: Result<()>) -> Result<(), Failed> {
    result.map_err(|error| format!("{error:#}").into())
}

/// Compiles this text as an exercise and checks it. `Warnings` says whether the compiler may warn.
fn check(
    compiler: &Compiler,
    exercise: &Exercise,
    source: &str,
    warnings: Warnings,
) -> Result<Vec<Outcome>> {
    let folder = tempfile::tempdir()?;
    // Beside it stand the lesson's other files, which it may use as modules.
    for entry in fs::read_dir(root().join("lessons").join(exercise.folder))? {
        let path = entry?.path();
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        if let Some(name) = path.file_name().filter(|_| is_rust) {
            fs::copy(&path, folder.path().join(name))?;
        }
    }
    let file = folder.path().join("exercise.rs");
    fs::write(&file, source)?;
    let program = folder.path().join("program");
    match compiler.compile(&file, &program)? {
        Ok(said) if said.is_empty() || warnings == Warnings::Allowed => {}
        Ok(said) => bail!("it compiles with warnings:\n{said}"),
        Err(said) => bail!("it does not compile:\n{said}"),
    }
    Ok(exercise.check(&Subject::plain(&exercise.program(), program))?)
}

/// What is in no list is not tried, and nobody would see it.
fn every_file_is_tried() -> Result<()> {
    let names = |folder: &Path| -> Result<Vec<String>> {
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    let known = |folder: &str| EXERCISES.iter().any(|exercise| exercise.folder == folder);
    let lessons = root().join("lessons");
    for folder in names(&lessons)? {
        let is_lesson = folder.starts_with(|c: char| c.is_ascii_digit());
        ensure!(!is_lesson || known(&folder), "lessons/{folder} has no exercise");
    }
    let checks = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in ["mistakes", "right"] {
        for folder in names(&checks.join(kind))? {
            ensure!(known(&folder), "{kind}/{folder} belongs to no exercise");
            for patch in names(&checks.join(kind).join(&folder))? {
                ensure!(patch.ends_with(".patch"), "{kind}/{folder}/{patch} is no patch");
            }
        }
    }
    for file in names(&checks.join("handed-out"))? {
        let folder = file.strip_suffix(".rs").unwrap_or(&file);
        ensure!(known(folder), "handed-out/{file} belongs to no exercise");
    }
    Ok(())
}

fn the_hand_out_is_refused(compiler: &Compiler, exercise: &Exercise) -> Result<()> {
    let outcomes = check(compiler, exercise, exercise.handed_out, Warnings::Forbidden)?;
    let report = report(exercise, &outcomes);
    for (promise, outcome) in exercise.promises.iter().zip(&outcomes) {
        ensure!(outcome.is_err(), "`{}` is kept by the hand-out\n{report}", promise.name);
    }
    Ok(())
}

fn the_solution_passes(compiler: &Compiler, exercise: &Exercise) -> Result<()> {
    let path = root().join("lessons").join(exercise.folder).join("solution.rs");
    let solution = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let outcomes = check(compiler, exercise, &solution, Warnings::Forbidden)?;
    ensure!(outcomes.iter().all(Result::is_ok), "\n{}", report(exercise, &outcomes));
    Ok(())
}

fn the_promises_stand_in_the_head(_: &Compiler, exercise: &Exercise) -> Result<()> {
    let head = exercise.handed_out.lines().take_while(|line| line.starts_with("//!"));
    let words: Vec<_> = head.flat_map(|line| line[3..].split_whitespace()).collect();
    let head = words.join(" ");
    for promise in exercise.promises {
        ensure!(head.contains(promise.name), "`{}` does not stand in the head", promise.name);
    }
    ensure!(head.contains(&format!("make exercise N={}", exercise.number())));
    ensure!(exercise.handed_out.contains("// TODO"), "no place is marked");
    Ok(())
}

/// The wrong answers that the chapter for teachers lists for this exercise are mistakes that are tried
/// here, in the same words.
fn the_chapter_tells(_: &Compiler, exercise: &Exercise) -> Result<()> {
    let chapter = fs::read_to_string(root().join("book/en/src/for-teachers.md"))?;
    let row = format!("| {} | ", exercise.number());
    let told = chapter.lines().filter_map(|line| line.strip_prefix(&row)?.split(" | ").next());
    let told: Vec<_> = told.collect();
    ensure!(told.len() >= 2, "the chapter for teachers lists less than two");
    let mut tried = Vec::new();
    for patch in patches("mistakes", exercise)? {
        tried.push(fs::read_to_string(patch)?.lines().next().unwrap_or_default().to_owned());
    }
    for wrong in told {
        ensure!(tried.iter().any(|it| it == wrong), "no mistake is called: {wrong}");
    }
    Ok(())
}

/// The patches of this kind, `mistakes` or `right`, against this exercise's solution.
fn patches(kind: &str, exercise: &Exercise) -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(exercise.folder);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut patches: Vec<_> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    patches.sort();
    Ok(patches)
}

/// The lines before the patch, and the solution with the patch applied.
fn patched(exercise: &Exercise, path: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(path)?;
    let (head, patch) = text.split_at(text.find("--- ").context("no patch")?);
    let solution = root().join("lessons").join(exercise.folder).join("solution.rs");
    let patch = diffy::Patch::from_str(patch)?;
    Ok((head.to_owned(), diffy::apply(&fs::read_to_string(solution)?, &patch)?))
}

fn the_mistake_is_refused(compiler: &Compiler, exercise: &Exercise, path: &Path) -> Result<()> {
    let (head, wrong) = patched(exercise, path)?;
    let mut head = head.lines().skip(1);
    let mut told = |what: &str| {
        let line = head.next().and_then(|line| line.strip_prefix(what));
        line.map(str::trim).with_context(|| format!("no line `{what}`"))
    };
    let (refused_by, says) = (told("refused by:")?, told("says:")?);

    let outcomes = check(compiler, exercise, &wrong, Warnings::Allowed)?;
    let report = report(exercise, &outcomes);
    let first = exercise.promises.iter().zip(&outcomes).find(|(_, outcome)| outcome.is_err());
    let Some((promise, _)) = first else { bail!("it passes\n{report}") };
    ensure!(promise.name == refused_by, "`{}` refused it\n{report}", promise.name);
    ensure!(report.contains(says), "not told: {says}\n{report}");
    Ok(())
}

fn the_other_way_passes(compiler: &Compiler, exercise: &Exercise, path: &Path) -> Result<()> {
    let (_, right) = patched(exercise, path)?;
    let outcomes = check(compiler, exercise, &right, Warnings::Allowed)?;
    ensure!(outcomes.iter().all(Result::is_ok), "\n{}", report(exercise, &outcomes));
    Ok(())
}
