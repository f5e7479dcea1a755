//! Grades the hand-ins of a class, each apart from the others and from this machine.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

/// Grades every hand-in of this folder.
///
/// # Errors
/// The folder cannot be read.
pub fn grade(_folder: &Path) -> Result<ExitCode> {
    Ok(ExitCode::FAILURE)
}
