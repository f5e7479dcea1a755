//! `cargo exercise`: checks and grades the exercises of the course.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use checks::check::Exercise;
use checks::{class, grade, handout, learner};
use clap::{Parser, Subcommand};

/// Checks the exercises of the course. Without a number: shows what is done and what is to do.
#[derive(Parser)]
#[command(
    name = "cargo exercise",
    bin_name = "cargo exercise",
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "Your files are lessons/NN-name/exercise.rs. The exit status is 0 when all promises \
                  are kept, 1 when not, 2 when this was called in a wrong way."
)]
struct Args {
    #[command(subcommand)]
    task: Option<Task>,
    /// The number of the exercise to check, as 07
    #[arg(value_parser = checks::exercise)]
    number: Option<&'static Exercise>,
}

/// An exercise that must be named.
#[derive(clap::Args)]
struct Number {
    /// The number of the exercise, as 07
    #[arg(value_parser = checks::exercise)]
    number: &'static Exercise,
}

#[derive(Subcommand)]
enum Task {
    /// Checks an exercise again on each save, the first that is not done when none is named
    Watch {
        /// The number of the exercise, as 07
        #[arg(value_parser = checks::exercise)]
        number: Option<&'static Exercise>,
    },
    /// Shows the next hint
    Hint {
        #[command(flatten)]
        exercise: Number,
        /// Begin with the first hint again
        #[arg(long)]
        again: bool,
    },
    /// Puts the hand-out back, and keeps your file beside it
    Reset(Number),
    /// Shows the difference between your file and the solution
    Solution(Number),
    /// Says which exercise is not as it is handed out
    #[command(hide = true)]
    Same,
    /// Checks all exercises and writes the grade, or grades a folder of hand-ins
    Grade {
        /// The folder of the hand-ins: in it a folder or an archive for each person
        folder: Option<PathBuf>,
        #[command(flatten)]
        options: class::Options,
    },
    /// Grades one hand-in, in its box: see `class::job`
    #[command(hide = true)]
    GradeOne,
    /// Becomes nobody, then this command: see `class::sandbox`
    #[command(hide = true)]
    AsNobody {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
    /// Writes an archive of the course without the solutions
    Handout,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    match (args.task, args.number) {
        (Some(Task::Watch { number }), _) => learner::watch(number),
        (Some(Task::Hint { exercise, again }), _) => learner::hint(exercise.number, again),
        (Some(Task::Reset(exercise)), _) => learner::reset(exercise.number),
        (Some(Task::Solution(exercise)), _) => learner::solution(exercise.number),
        (Some(Task::Same), _) => learner::same(),
        (Some(Task::Grade { folder: Some(folder), options }), _) => class::grade(&folder, &options),
        (Some(Task::Grade { folder: None, .. }), _) => grade::own(),
        (Some(Task::GradeOne), _) => class::job::grade_one().map(|()| ExitCode::SUCCESS),
        (Some(Task::AsNobody { command }), _) => {
            Err(class::sandbox::as_nobody(&command)).context(class::sandbox::NOT_NOBODY)
        }
        (Some(Task::Handout), _) => handout::write(),
        (None, Some(exercise)) => learner::check(exercise),
        (None, None) => learner::progress(),
    }
}
