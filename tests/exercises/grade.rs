//! What the exercises of one person are worth.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::check::{Exercise, Outcome};

/// The points of each exercise, by its number. The file is read anew, so that a teacher may change it
/// without building anything.
pub type Points = BTreeMap<String, u32>;

/// What each exercise is worth: `tests/exercises/points.toml`.
///
/// # Errors
/// The file cannot be read, or is no list of numbers.
pub fn points() -> Result<Points> {
    let path = crate::compile::root().join("tests/exercises/points.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    toml::from_str(&text).with_context(|| path.display().to_string())
}

/// Checks the exercises in this folder of the course, and writes what they are worth.
///
/// # Errors
/// cargo cannot be started, or a file cannot be written.
pub fn own() -> Result<ExitCode> {
    Ok(ExitCode::FAILURE)
}

/// What one exercise of one person is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grade {
    /// Two digits: `07`.
    pub number: String,
    /// The folder of the lesson: `07-echo`.
    pub folder: String,
    pub points: u32,
    pub out_of: u32,
    /// Why nothing could be checked: it was not handed in, does not compile, took too long.
    pub remark: Option<String>,
    pub promises: Vec<Kept>,
}

/// What became of a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub name: String,
    pub kept: bool,
    /// What was to come, where it is broken.
    pub expected: Option<String>,
    /// What came instead.
    pub came: Option<String>,
}

impl Grade {
    /// Of a program that ran.
    pub fn checked(exercise: &Exercise, outcomes: &[Outcome], points: &Points) -> Self {
        let mut grade = Self::nothing(exercise, points);
        let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        if let (Ok(kept), Ok(all @ 1..)) = (u32::try_from(kept), u32::try_from(outcomes.len())) {
            grade.points = grade.out_of * kept / all;
        }
        for (promise, outcome) in grade.promises.iter_mut().zip(outcomes) {
            promise.kept = outcome.is_ok();
            if let Err(broken) = outcome {
                promise.expected = Some(broken.expected.clone());
                promise.came = Some(broken.came.clone());
            }
        }
        grade
    }

    /// Of a program that could not be checked, and why.
    pub fn unchecked(exercise: &Exercise, remark: impl Into<String>, points: &Points) -> Self {
        Self { remark: Some(remark.into()), ..Self::nothing(exercise, points) }
    }

    fn nothing(exercise: &Exercise, points: &Points) -> Self {
        let broken = |promise: &crate::check::Promise| Kept {
            name: promise.name.to_owned(),
            kept: false,
            expected: None,
            came: None,
        };
        Self {
            number: exercise.number().to_owned(),
            folder: exercise.folder.to_owned(),
            points: 0,
            out_of: points.get(exercise.number()).copied().unwrap_or(0),
            remark: None,
            promises: exercise.promises.iter().map(broken).collect(),
        }
    }
}
