//! What a learner does with an exercise: check it, see what is to do, be given a hint, begin again, compare
//! with the solution.

use std::process::ExitCode;

use anyhow::Result;

use crate::check::Exercise;
use crate::compile;
use crate::report::report;
use crate::stage::Subject;

/// Builds and checks one exercise, and prints what came of it.
///
/// # Errors
/// cargo cannot be started.
pub fn check(exercise: &Exercise) -> Result<ExitCode> {
    let name = exercise.program();
    let programs = compile::programs([&*name])?;
    let Some(path) = programs.get(&name) else {
        return Ok(ExitCode::FAILURE);
    };
    let outcomes = exercise.check(&Subject::plain(&name, path.clone()));
    print!("{}", report(exercise, &outcomes));
    Ok(ExitCode::SUCCESS)
}

/// Finds the first exercise that is not yet done, and shows the progress of all.
///
/// # Errors
/// cargo cannot be started.
pub fn progress() -> Result<ExitCode> {
    Ok(ExitCode::FAILURE)
}
