//! What is done, and what is to do.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::EXERCISES;
use crate::check::Exercise;
use crate::compile;
use crate::report::{BAD, FAINT, GOOD, STRONG};
use crate::side_by_side::side_by_side;
use crate::stage::Subject;

use super::{Mine, command, is_done, on_interrupt, patiently, say};

/// How far a learner is with an exercise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Missing,
    NotBegun,
    DoesNotCompile,
    /// That many promises are kept.
    Begun(usize),
    Done,
}

/// How many exercises are checked at the same time. Each starts a program or two for each promise, and
/// mostly waits; but some measure time, so it is not all at once.
const AT_ONCE: usize = 3;

/// Finds the first exercise that is not yet done, and shows the progress of all.
///
/// # Errors
/// cargo cannot be started, or something else than an exercise does not compile.
pub fn progress() -> Result<ExitCode> {
    on_interrupt(130)?;
    let states = states()?;
    let title = |exercise: &Exercise| exercise.title.chars().count();
    let width = EXERCISES.iter().map(|it| title(it)).max().unwrap_or(0);
    let mut text = String::new();
    for (exercise, state) in EXERCISES.iter().zip(&states) {
        let (style, state) = match state {
            State::Missing => (BAD, "the file is missing".to_owned()),
            State::NotBegun => (FAINT, "not begun".to_owned()),
            State::DoesNotCompile => (BAD, "does not compile".to_owned()),
            State::Begun(kept) => {
                (STRONG, format!("{kept} of {} promises", exercise.promises.len()))
            }
            State::Done => (GOOD, "done".to_owned()),
        };
        let space = " ".repeat(width - title(exercise));
        let (number, title) = (exercise.number(), exercise.title);
        let _ = writeln!(text, "  {number}  {title}{space}   {style}{state}{style:#}");
    }
    let done = states.iter().filter(|state| **state == State::Done).count();
    let _ = writeln!(text, "\n{done} of {} exercises are done.", EXERCISES.len());
    if let Some(next) = first(&states) {
        let _ = writeln!(
            text,
            "\nNext: {STRONG}{} · {}{STRONG:#}\n  your file        {}\n  check it         {}\n  \
             on each save     {}\n  a hint           {}",
            next.number(),
            next.title,
            next.file().display(),
            command("exercise", next),
            command("watch", next),
            command("hint", next),
        );
    }
    say(&text);
    Ok(ExitCode::SUCCESS)
}

/// The first exercise that is not yet done.
///
/// # Errors
/// As [`progress`].
pub(super) fn first_to_do() -> Result<Option<&'static Exercise>> {
    Ok(first(&states()?))
}

fn first(states: &[State]) -> Option<&'static Exercise> {
    let mut all = EXERCISES.iter().zip(states);
    all.find(|(_, state)| **state != State::Done).map(|(exercise, _)| *exercise)
}

/// How far the learner is with each exercise. What is as it was handed out is not built.
fn states() -> Result<Vec<State>> {
    let mut states = Vec::new();
    // Those that a look at the file does not tell: the exercise, and where its state belongs.
    let mut begun = Vec::new();
    for (index, exercise) in EXERCISES.iter().copied().enumerate() {
        states.push(match Mine::read(exercise)? {
            Mine::Missing => State::Missing,
            Mine::HandOut => State::NotBegun,
            Mine::Changed(_) => {
                begun.push((index, exercise));
                State::DoesNotCompile
            }
        });
    }
    if begun.is_empty() {
        return Ok(states);
    }
    let names: Vec<_> = begun.iter().map(|(_, exercise)| exercise.program()).collect();
    let note = "building what you have begun …";
    let second = Duration::from_secs(1);
    let built = patiently(note, second, || compile::build(names.iter().map(String::as_str)))?;
    let check = |(_, exercise): &(usize, &Exercise)| {
        let name = exercise.program();
        let program = built.get(&name).and_then(|built| built.program.clone());
        let Some(program) = program else { return Ok(State::DoesNotCompile) };
        let outcomes = exercise.check(&Subject::plain(&name, program));
        let outcomes = outcomes.with_context(|| format!("exercise {}", exercise.number()))?;
        let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        Ok(if is_done(&outcomes) { State::Done } else { State::Begun(kept) })
    };
    let note = "checking what you have begun …";
    let checked = patiently(note, second, || side_by_side(&begun, AT_ONCE, check, |_| {}))?;
    for ((index, _), state) in begun.iter().zip(checked) {
        states[*index] = state;
    }
    Ok(states)
}
