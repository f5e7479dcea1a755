//! Hints, one after the other.
//!
//! How many a learner has seen stands in a file below `target/`, which `cargo clean` takes away. A check that
//! fails shows the first, and from then on the last that was seen: only who asks gets another.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::check::Exercise;
use crate::compile::root;
use crate::report::{FAINT, STRONG};

use super::{command, paragraph, say};

/// Shows the next hint, or begins with the first again. After the last, all are shown.
///
/// # Errors
/// What was seen cannot be written down.
pub fn hint(exercise: &Exercise, again: bool) -> Result<ExitCode> {
    let seen = if again { 0 } else { seen(exercise) };
    let all = exercise.hints.len();
    if seen < all {
        remember(exercise, seen + 1)?;
        say(&format!("{}{}", one(exercise, seen), how_to_go_on(exercise, seen + 1)));
    } else {
        let every: String = (0..all).map(|index| one(exercise, index) + "\n").collect();
        say(&format!("{every}{}", how_to_go_on(exercise, all)));
    }
    Ok(ExitCode::SUCCESS)
}

/// What stands below a check that failed. `begun` says that a promise is kept already, so that a hint which
/// was not asked for may be of no use any more.
///
/// # Errors
/// What was seen cannot be written down.
pub(super) fn after_a_failure(exercise: &Exercise, begun: bool) -> Result<String> {
    if exercise.hints.is_empty() {
        return Ok(String::new());
    }
    let mut seen = seen(exercise);
    if seen == 0 {
        seen = 1;
        remember(exercise, seen)?;
    }
    let perhaps = match begun && seen == 1 {
        true => format!("{FAINT}If you are past this one, ask for the next.{FAINT:#}\n"),
        false => String::new(),
    };
    Ok(format!("\n{}{perhaps}{}", one(exercise, seen - 1), how_to_go_on(exercise, seen)))
}

/// Forgets what was seen.
///
/// # Errors
/// That cannot be written down.
pub(super) fn forget(exercise: &Exercise) -> Result<()> {
    if seen(exercise) == 0 { Ok(()) } else { remember(exercise, 0) }
}

fn one(exercise: &Exercise, index: usize) -> String {
    let hint = exercise.hints.get(index).copied().unwrap_or_default();
    let heading = format!("{STRONG}Hint {} of {}{STRONG:#}\n", index + 1, exercise.hints.len());
    heading + &paragraph(hint)
}

fn how_to_go_on(exercise: &Exercise, seen: usize) -> String {
    match seen < exercise.hints.len() {
        true => format!("{FAINT}The next hint: {}{FAINT:#}\n", command("hint", exercise)),
        false => format!(
            "{FAINT}That is the last hint. The solution: {}{FAINT:#}\n",
            command("solution", exercise)
        ),
    }
}

fn file(exercise: &Exercise) -> PathBuf {
    root().join("target/exercises").join(format!("{}.hints", exercise.folder))
}

/// How many hints were seen. What cannot be read is as if none was.
fn seen(exercise: &Exercise) -> usize {
    let text = fs::read_to_string(file(exercise)).unwrap_or_default();
    text.trim().parse().unwrap_or(0).min(exercise.hints.len())
}

fn remember(exercise: &Exercise, seen: usize) -> Result<()> {
    let file = file(exercise);
    let written = match file.parent() {
        Some(folder) => fs::create_dir_all(folder),
        None => Ok(()),
    };
    written
        .and_then(|()| fs::write(&file, format!("{seen}\n")))
        .with_context(|| format!("cannot write down in {} what was seen", file.display()))
}
