//! How a learner is told what came of a check.

use std::fmt::Write;

use crate::check::{Broken, Exercise, Outcome};

/// The whole report on one exercise: each promise, and the first broken one explained. Without a
/// backtrace and without a word that only whoever wrote the check could know.
pub fn report(exercise: &Exercise, outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "Exercise {} · {}   {}\n\n",
        exercise.number(),
        exercise.title,
        exercise.file().display()
    );
    for (promise, outcome) in exercise.promises.iter().zip(outcomes) {
        let mark = if outcome.is_ok() { "kept  " } else { "broken" };
        let _ = writeln!(text, "  {mark}  {}", promise.name);
    }
    let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let _ = writeln!(text, "\n{kept} of {} promises are kept.", outcomes.len());
    let first = exercise
        .promises
        .iter()
        .zip(outcomes)
        .find_map(|(promise, outcome)| outcome.as_ref().err().map(|broken| (promise, broken)));
    if let Some((promise, broken)) = first {
        let _ = writeln!(text, "\nThe first that is broken: {}\n", promise.name);
        let _ = writeln!(text, "  the task     {}", promise.task);
        explain(&mut text, broken);
    }
    text
}

fn explain(text: &mut String, broken: &Broken) {
    for (number, step) in broken.steps.iter().enumerate() {
        let _ = match number {
            0 => writeln!(text, "  the check    {step}"),
            _ => writeln!(text, "               {step}"),
        };
    }
    let indented = |words: &str| words.replace('\n', "\n               ");
    let _ = writeln!(text, "  expected     {}", indented(&broken.expected));
    let _ = writeln!(text, "  but          {}", indented(&broken.came));
    for (name, screen) in &broken.screens {
        let _ = writeln!(text, "\n  The screen of {name}:");
        for line in screen.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
}
