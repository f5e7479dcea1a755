//! Small programs to be watched from outside: an ignored test that plays the program, started in a
//! process of its own.

use std::env;
use std::process::Command;

/// Tells a process that it is to play the program, and not to run a test.
const PLAYED: &str = "FACTS_PROGRAM";

/// The command that runs the ignored test of this name alone. What it prints is not captured, it
/// goes straight to the standard streams of the process, behind a few lines of the test harness.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("a test knows its own file"));
    command.args(["--exact", name, "--ignored", "--nocapture"]).env(PLAYED, name);
    command
}

/// Whether [`program`] started this process. Whoever runs the ignored tests for their own sake did
/// not, and then nobody is there to play for.
pub fn is_played() -> bool {
    env::var_os(PLAYED).is_some()
}
