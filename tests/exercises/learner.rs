//! What a learner does with an exercise: check it, see what is to do, be given a hint, begin again, compare
//! with the solution.

mod files;
mod hints;
mod progress;
mod watch;

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, io, thread};

use anyhow::{Context, Result};

pub use files::{reset, same, solution};
pub use hints::hint;
pub use progress::progress;
pub use watch::watch;

use crate::check::{Exercise, Outcome};
use crate::compile::{self, Built, root};
use crate::report::{BAD, FAINT, GOOD, STRONG, told, wrapped};
use crate::stage::Subject;

/// Builds and checks one exercise, and prints what came of it: success when all promises are kept.
///
/// # Errors
/// cargo cannot be started, or something else than the exercise does not compile.
pub fn check(exercise: &Exercise) -> Result<ExitCode> {
    on_interrupt(130)?;
    let (done, text) = checked(exercise)?;
    say(&text);
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// [`check`], without a word: whether all promises are kept, and what the learner is told.
fn checked(exercise: &Exercise) -> Result<(bool, String)> {
    let mine = Mine::read(exercise)?;
    if mine == Mine::Missing {
        let file = exercise.file();
        let reset = command("reset", exercise);
        let text =
            format!("{} is missing.\nThe hand-out comes back with `{reset}`.\n", file.display());
        return Ok((false, text));
    }
    let name = exercise.program();
    let note = "building; the first time this takes a minute …";
    let mut built = patiently(note, Duration::from_secs(3), || compile::build([&*name]))?;
    let Built { program, said } = built.remove(&name).unwrap_or_default();
    let Some(program) = program else {
        return Ok((false, format!("{said}{}", does_not_compile(exercise))));
    };
    let subject = Subject::plain(&name, program);
    let note = "still checking: somebody is waited for …";
    let outcomes = patiently(note, Duration::from_secs(3), || exercise.check(&subject));
    let outcomes = outcomes.with_context(|| format!("exercise {}", exercise.number()))?;
    let mut text = said;
    text += &told(exercise, &outcomes, WIDTH);
    let done = is_done(&outcomes);
    text += &match (done, mine) {
        (true, _) => what_comes_next(exercise),
        (false, Mine::HandOut) => where_to_begin(exercise),
        (false, _) => hints::after_a_failure(exercise, outcomes.iter().any(Result::is_ok))?,
    };
    Ok((done, text))
}

/// How wide a text may be, in characters: as a terminal is when nobody made it wider.
const WIDTH: usize = 80;

fn is_done(outcomes: &[Outcome]) -> bool {
    !outcomes.is_empty() && outcomes.iter().all(Result::is_ok)
}

fn does_not_compile(exercise: &Exercise) -> String {
    format!(
        "{BAD}Exercise {} does not compile yet.{BAD:#} Begin with the first error above.\n\
         {FAINT}Check it again: {}{FAINT:#}\n",
        exercise.number(),
        command("exercise", exercise)
    )
}

fn where_to_begin(exercise: &Exercise) -> String {
    let first = exercise.handed_out.lines().position(|line| line.contains("// TODO"));
    let line = first.map_or(String::new(), |before| format!(", line {}", before + 1));
    format!(
        "\nThis is still the hand-out. Read its head, then begin at the first TODO:\n  \
         {STRONG}{}{STRONG:#}{line}\n\n{FAINT}A hint: {}{FAINT:#}\n",
        exercise.file().display(),
        command("hint", exercise)
    )
}

fn what_comes_next(exercise: &Exercise) -> String {
    let mut text = format!("\n{GOOD}Exercise {} is done.{GOOD:#}\n\n", exercise.number());
    let _ = writeln!(text, "  compare with the solution   {}", command("solution", exercise));
    let next = crate::EXERCISES.iter().skip_while(|it| it.folder != exercise.folder).nth(1);
    let _ = match next {
        Some(next) => {
            writeln!(text, "  the next exercise           {}", next.file().display())
        }
        None => writeln!(text, "  what is left to do          {}", command_for_all()),
    };
    text
}

/// How a learner asks for this, by make or by cargo, as he did just now: `make hint N=07`. Checking is
/// `exercise`.
fn command(task: &str, exercise: &Exercise) -> String {
    let number = exercise.number();
    match (uses_make(), task) {
        (true, _) => format!("make {task} N={number}"),
        (false, "exercise") => format!("cargo exercise {number}"),
        (false, _) => format!("cargo exercise {task} {number}"),
    }
}

fn command_for_all() -> &'static str {
    if uses_make() { "make exercise" } else { "cargo exercise" }
}

/// make tells so what it starts.
fn uses_make() -> bool {
    env::var_os("MAKELEVEL").is_some_and(|level| !level.is_empty() && level != "0")
}

/// A learner's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mine {
    Missing,
    /// As it was handed out, but perhaps for the line endings.
    HandOut,
    Changed(Vec<u8>),
}

impl Mine {
    /// What stands in the file of this exercise.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub(crate) fn read(exercise: &Exercise) -> Result<Self> {
        let path = root().join(exercise.file());
        Ok(match fs::read(&path) {
            Ok(bytes) if exercise.is_handed_out(&bytes) => Self::HandOut,
            Ok(bytes) => Self::Changed(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Err(error) => return Err(error).with_context(|| shown(&path)),
        })
    }
}

/// A path for a person: below the folder of the course.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Prints a text, with its colours where they are wanted. That nobody reads it is no error of ours.
fn say(text: &str) {
    let mut output = anstream::stdout().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}

/// Does some work, and says this when it takes longer than `patience` and somebody looks on.
fn patiently<T: Send>(note: &str, patience: Duration, work: impl FnOnce() -> T + Send) -> T {
    let (done, wait) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            let late = wait.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Timeout);
            if late && io::stderr().is_terminal() {
                let _ = writeln!(anstream::stderr(), "{FAINT}{note}{FAINT:#}");
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// From now on Ctrl-C ends this program with that status, and before that what it started.
pub(crate) fn on_interrupt(status: i32) -> Result<()> {
    let end = move || -> ! {
        support::end_all_apart();
        std::process::exit(status)
    };
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]);
        let mut signals = signals.context("cannot listen to signals")?;
        thread::spawn(move || {
            if signals.forever().next().is_some() {
                end();
            }
        });
        Ok(())
    }
    #[cfg(not(unix))]
    ctrlc::set_handler(move || end()).context("cannot listen to Ctrl-C")
}

/// A paragraph, every line behind two spaces.
fn paragraph(text: &str) -> String {
    format!("  {}\n", wrapped(text, 2, WIDTH))
}
