//! How every program of the course ends, and the options that several of them take.

use std::fmt;
use std::io;
use std::process;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Error, Result};

use crate::terminal::{OutputError, complain};
use crate::text::printable;

/// Ends the process: status 0 after success, else status 1 and the error as one sentence on standard
/// error.
///
/// An error that only says that the reader of our output has gone (`… | head`) ends it quietly with
/// status 0: we were asked to stop, nothing failed.
pub fn finish(result: Result<()>) -> ! {
    match result {
        Ok(()) => process::exit(0),
        Err(error) if output_was_closed(&error) => process::exit(0),
        Err(error) => {
            complain(sentence(&error));
            process::exit(1)
        }
    }
}

/// Whether the error is the end of whoever read our standard output.
fn output_was_closed(error: &Error) -> bool {
    let output = error.downcast_ref::<OutputError>();
    output.is_some_and(|OutputError(cause)| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Says an error on standard error and lets the program go on: for one that has others to serve, or a
/// person who can try again.
///
/// # Errors
/// Only that the reader of our output has gone, and with it the reason to go on.
pub fn go_on_after(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if output_was_closed(&error) => Err(error),
        Err(error) => {
            complain(sentence(&error));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// The error and its causes as one printable line: `cannot bind 127.0.0.1:80: Permission denied`.
///
/// The number that std adds to each cause (`(os error 13)`) says the same once more and is left out.
pub fn sentence(error: &Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        let end = cause.find(" (os error ").unwrap_or(cause.len());
        parts.push(cause[..end].to_owned());
    }
    printable(&parts.join(": "))
}

/// A time that a person types in seconds, more than 0 and at most a day (86,400 s): `5`, `0.3`.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let seconds: f64 = typed.parse().unwrap_or(f64::NAN);
        let allowed = 0.000_001..=86_400.0;
        if !allowed.contains(&seconds) {
            return Err("a time in seconds is a number above 0 and at most 86400".into());
        }
        Ok(Self(Duration::from_secs_f64(seconds)))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} s", self.0.as_secs_f64())
    }
}
