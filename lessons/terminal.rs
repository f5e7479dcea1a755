//! Lines on the screen and lines from the keyboard.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result};

/// Standard output cannot be written. When its reader has gone (`… | head`), this ends a program
/// quietly: see [`crate::program::finish`].
#[derive(Debug)]
pub struct OutputError(pub io::Error);

impl fmt::Display for OutputError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot write to standard output: {}", self.0)
    }
}

impl std::error::Error for OutputError {}

/// `println!` that returns an [`OutputError`](crate::terminal::OutputError) instead of panicking
/// when nobody reads standard output any more.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::terminal::print_line(::std::format_args!($($argument)*))
    };
}

/// Writes one line to standard output and flushes it; what [`say!`](crate::say) stands for.
///
/// # Errors
/// Standard output is closed or full.
pub fn print_line(line: fmt::Arguments<'_>) -> Result<(), OutputError> {
    // Put together first and written at once: lines of two threads never mix.
    let line = format!("{line}\n");
    print(&line)
}

/// Writes one line to standard error. Where that is closed too, there is nobody left to tell.
pub fn complain(line: impl fmt::Display) {
    let line = format!("{line}\n");
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Shows `label` and the prompt `>>> `, then reads one line: its text without the line ending, or
/// `None` at the end of input (Ctrl-D).
///
/// A line that is not UTF-8 is refused on standard error and asked for again.
///
/// # Errors
/// Standard input cannot be read, or standard output cannot be written.
pub fn ask(label: &str) -> Result<Option<String>> {
    loop {
        print(&format!("{label}>>> "))?;
        let line = read_bytes()?;
        // The terminal's echo of Enter ends the line of the prompt. Nobody does that for a pipe or at
        // the end of input, and what comes next would stand behind the prompt.
        if line.is_none() || !io::stdin().is_terminal() {
            print("\n")?;
        }
        match line.map(String::from_utf8) {
            None => return Ok(None),
            Some(Ok(text)) => return Ok(Some(text)),
            Some(Err(_)) => complain(NOT_UTF_8),
        }
    }
}

/// Reads one line without a prompt, for the programs whose screen also shows what arrives meanwhile.
/// Otherwise like [`ask`].
///
/// # Errors
/// Standard input cannot be read.
pub fn read_line() -> Result<Option<String>> {
    loop {
        match read_bytes()?.map(String::from_utf8) {
            None => return Ok(None),
            Some(Ok(text)) => return Ok(Some(text)),
            Some(Err(_)) => complain(NOT_UTF_8),
        }
    }
}

const NOT_UTF_8: &str = "that line is not valid UTF-8 and was not used; type it again";

/// The bytes of the next line of standard input without `\n` or `\r\n`; `None` at its end.
fn read_bytes() -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let length = io::stdin().lock().read_until(b'\n', &mut line);
    if length.context("cannot read standard input")? == 0 {
        return Ok(None);
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    Ok(Some(line))
}

fn print(text: &str) -> Result<(), OutputError> {
    let mut output = io::stdout().lock();
    let written = output.write_all(text.as_bytes());
    written.and_then(|()| output.flush()).map_err(OutputError)
}
