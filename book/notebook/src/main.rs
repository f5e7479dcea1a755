//! Builds, serves and checks the book: see `book/README.md`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use notebook::{build, record};

/// The book of the course: every cell has run.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the book into target/book
    Build,
    /// Build the book, serve it on the loopback, and build it again after every change
    Serve,
    /// Run the sessions of all chapters, or of those named (07-echo), and check the book
    Check {
        /// The names of chapters, such as 07-echo; all of them when none is given
        chapters: Vec<String>,
    },
    /// Record the sessions that book/recordings lacks
    Record,
    /// Work as mdBook's preprocessor
    #[command(hide = true)]
    Preprocess { arguments: Vec<String> },
    /// Run the session that standard input describes
    #[command(hide = true)]
    RunSession,
    /// End well where a session can have a network of its own
    #[command(hide = true)]
    CanBeApart,
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Build => build::build(),
        Command::Serve => build::serve(),
        Command::Check { chapters } => build::check(&chapters),
        Command::Record => build::record(),
        Command::Preprocess { arguments } => build::preprocess(&arguments),
        Command::RunSession => record::run_session(),
        Command::CanBeApart => can_be_apart(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn can_be_apart() -> Result<()> {
    Ok(notebook::namespace::enter()?)
}
