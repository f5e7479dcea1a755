//! How a learner is told what came of a check.
//!
//! The texts are written with colours. Whoever prints them takes the colours out where nobody wants them,
//! as `anstream` does; [`plain`] does so for a text.

use std::env;
use std::fmt::Write;

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};

use crate::check::{Broken, Exercise, Outcome};

/// A heading, and what to look at.
pub const STRONG: Style = Style::new().bold();
/// What is right.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What is not.
pub const BAD: Style = AnsiColor::Red.on_default();
/// What may be read later.
pub const FAINT: Style = Style::new().dimmed();

/// How many steps of a check are shown, and how many of these are the first.
const STEPS: (usize, usize) = (24, 8);

/// How many lines of a screen are shown: the last.
const LINES: usize = 12;

/// The whole report on one exercise, without colours: each promise, and the first broken one explained.
pub fn report(exercise: &Exercise, outcomes: &[Outcome]) -> String {
    plain(&told(exercise, outcomes, usize::MAX))
}

/// [`report`], with colours, in lines of at most so many characters where words allow. Without a backtrace
/// and without a word that only whoever wrote the check could know.
pub fn told(exercise: &Exercise, outcomes: &[Outcome], width: usize) -> String {
    let mut text = format!(
        "{STRONG}Exercise {} · {}{STRONG:#}   {FAINT}{}{FAINT:#}\n\n",
        exercise.number(),
        exercise.title,
        exercise.file().display()
    );
    for (promise, outcome) in exercise.promises.iter().zip(outcomes) {
        let (mark, indent) = mark(outcome.is_ok());
        let _ = writeln!(text, "  {mark}  {}", wrapped(promise.name, indent, width));
    }
    let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let _ = writeln!(text, "\n{kept} of {} promises are kept.", outcomes.len());
    let first = exercise
        .promises
        .iter()
        .zip(outcomes)
        .find_map(|(promise, outcome)| outcome.as_ref().err().map(|broken| (promise, broken)));
    if let Some((promise, broken)) = first {
        let which = if outcomes.len() - kept == 1 { "The one" } else { "The first" };
        let name = wrapped(&format!("{which} that is broken: {}", promise.name), 0, width);
        let _ = writeln!(text, "\n{STRONG}{name}{STRONG:#}\n");
        let _ = writeln!(text, "  the task     {}", wrapped(promise.task, COLUMN, width));
        explain(&mut text, broken, width);
    }
    text
}

/// A text without its colours.
pub fn plain(text: &str) -> String {
    strip_str(text).to_string()
}

/// Before a promise: whether it is kept, and in which column the promise begins.
fn mark(kept: bool) -> (String, usize) {
    let (style, sign, word) = if kept { (GOOD, "✓", "kept  ") } else { (BAD, "✗", "broken") };
    let shown = if shows_signs() { sign } else { word };
    (format!("{style}{shown}{style:#}"), shown.chars().count() + 4)
}

/// Whether the terminal most likely has signs that are no letters: by its name, and by the encoding that
/// the environment names.
fn shows_signs() -> bool {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    if cfg!(windows) {
        // The old console has them in few fonts; Windows Terminal and editors say who they are.
        return set("WT_SESSION").is_some() || set("TERM_PROGRAM").is_some();
    }
    let encoding = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
    let encoding = encoding.unwrap_or_default().to_lowercase();
    (encoding.contains("utf-8") || encoding.contains("utf8"))
        && !set("TERM").is_some_and(|it| it == "linux" || it == "dumb")
}

/// Where the explanations begin.
const COLUMN: usize = 15;

fn explain(text: &mut String, broken: &Broken, width: usize) {
    let steps = broken.steps.iter().map(String::as_str);
    // Who reads by eye sees at one glance what was sent; who looks for a step finds it in its line.
    let steps = if width == usize::MAX { folded(steps) } else { joined(steps) };
    let steps = middle_left_out(steps);
    for (number, step) in steps.iter().enumerate() {
        let step = wrapped(step, COLUMN, width);
        let _ = match number {
            0 => writeln!(text, "  the check    {step}"),
            _ => writeln!(text, "               {step}"),
        };
    }
    let indented = |words: &str| wrapped(words, COLUMN, width);
    let _ = writeln!(text, "  expected     {GOOD}{}{GOOD:#}", indented(&broken.expected));
    let _ = writeln!(text, "  but          {BAD}{}{BAD:#}", indented(&broken.came));
    for (name, screen) in &broken.screens {
        let lines = folded(screen.lines());
        if lines.is_empty() {
            let _ = writeln!(text, "\n  The screen of {name} is empty.");
            continue;
        }
        let marks: String = screen.lines().filter_map(|line| line.chars().next()).collect();
        let mut legend = Vec::new();
        if marks.contains('>') {
            legend.push("> was typed");
        }
        if marks.contains('!') {
            legend.push("! is standard error");
        }
        let legend = match legend.is_empty() {
            true => String::new(),
            false => format!("   {FAINT}({}){FAINT:#}", legend.join(", ")),
        };
        let _ = writeln!(text, "\n  The screen of {name}:{legend}");
        let skipped = lines.len().saturating_sub(LINES);
        if skipped > 0 {
            let _ = writeln!(text, "    {FAINT}… the last {LINES} lines:{FAINT:#}");
        }
        for line in &lines[skipped..] {
            let _ = writeln!(text, "    {}", screen_line(line, width));
        }
    }
}

/// How many characters of a line of a screen are shown.
const SHOWN: usize = 140;

/// A line of a screen, where it is too long in pieces that begin below its text. Nothing is cut between
/// words: what stands there is what was printed.
fn screen_line(line: &str, width: usize) -> String {
    let mut shown: Vec<char> = line.chars().take(SHOWN).collect();
    if line.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    let (first, rest) = shown.split_at(shown.len().min(width.saturating_sub(4)));
    let pieces = rest.chunks(width.saturating_sub(6).max(1));
    let mut text: String = first.iter().collect();
    for piece in pieces {
        let _ = write!(text, "\n      {}", piece.iter().collect::<String>());
    }
    text
}

/// A text in lines of at most `width` characters where words allow, each but the first behind `indent`
/// spaces.
pub fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let mut shown = String::new();
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            let _ = write!(shown, "\n{:indent$}", "");
        }
        let mut column = indent;
        for (number, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if number > 0 && (column + 1).saturating_add(length) > width {
                let _ = write!(shown, "\n{:indent$}", "");
                column = indent;
            } else if number > 0 {
                shown.push(' ');
                column += 1;
            }
            shown.push_str(word);
            column += length;
        }
    }
    shown
}

/// Equal lines that follow each other become one: `sent "more" (6 times)`.
fn folded<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut folded: Vec<(&str, usize)> = Vec::new();
    for line in lines {
        match folded.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => folded.push((line, 1)),
        }
    }
    let shown = folded.into_iter().map(|(line, times)| match times {
        1 => line.to_owned(),
        _ => format!("{line} ({times} times)"),
    });
    shown.collect()
}

/// How many payloads of a line are shown, and how many of these are the first.
const PAYLOADS: (usize, usize) = (10, 6);

/// [`folded`], and what one side sent, got, wrote or typed without a pause stands in one line:
/// `the client sent "one", "two" (3 times)`.
fn joined<'a>(steps: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut runs: Vec<(&str, Vec<&str>)> = Vec::new();
    for step in steps {
        let payload = ["sent \"", "got \"", "wrote \"", "typed \""].iter().find_map(|verb| {
            let at = step.find(verb)? + verb.len() - 1;
            // What follows a payload, as an address, makes a step of its own.
            step.ends_with('"').then(|| step.split_at(at))
        });
        let (head, payload) = payload.unwrap_or((step, ""));
        match runs.last_mut() {
            Some((last, payloads)) if *last == head => payloads.push(payload),
            _ => runs.push((head, vec![payload])),
        }
    }
    let shown = runs.into_iter().flat_map(|(head, payloads)| {
        if payloads.iter().all(|payload| payload.is_empty()) {
            return folded(payloads.iter().map(|_| head));
        }
        let mut payloads = folded(payloads.into_iter());
        let (most, first) = PAYLOADS;
        if payloads.len() > most {
            let left_out = payloads.len() - most + 1;
            payloads.splice(first..first + left_out, [format!("… {left_out} more …")]);
        }
        vec![format!("{head}{}", payloads.join(", "))]
    });
    shown.collect()
}

/// The first lines and the last, when there are many: what came just before the end tells most.
fn middle_left_out(mut lines: Vec<String>) -> Vec<String> {
    let (most, first) = STEPS;
    if lines.len() > most {
        let left_out = lines.len() - most + 1;
        lines.splice(first..first + left_out, [format!("… {left_out} more …")]);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lines_are_told_once() {
        assert_eq!(folded(["a", "b", "b", "b", "a"].into_iter()), ["a", "b (3 times)", "a"]);
    }

    #[test]
    fn what_one_side_sends_without_a_pause_stands_in_one_line() {
        let steps = [
            "started: 07-exercise",
            "the client sent \"a\"",
            "the client sent \"b\"",
            "the client sent \"b\"",
            "the client got \"a\"",
            "a second later",
            "a second later",
            "the client sent \"x…\" (90 bytes)",
        ];
        let shown = [
            "started: 07-exercise",
            "the client sent \"a\", \"b\" (2 times)",
            "the client got \"a\"",
            "a second later (2 times)",
            "the client sent \"x…\" (90 bytes)",
        ];
        assert_eq!(joined(steps.into_iter()), shown);
        let many: Vec<_> = (0..100).map(|number| format!("it typed \"{number}\"")).collect();
        let shown = joined(many.iter().map(String::as_str));
        assert_eq!(shown.len(), 1);
        assert!(shown[0].contains("\"5\", … 91 more …, \"97\""), "{}", shown[0]);
    }

    #[test]
    fn a_text_is_cut_between_words() {
        assert_eq!(wrapped("one two  three\nfour", 2, 9), "one two\n   three\n  four");
        assert_eq!(wrapped("one two  three", 2, usize::MAX), "one two  three");
        assert_eq!(wrapped("a-long-long-word b", 2, 9), "a-long-long-word\n  b");
    }

    #[test]
    fn a_long_line_of_a_screen_goes_on_below_its_text() {
        assert_eq!(screen_line("| 0123456789abcdef", 12), "| 012345\n      6789ab\n      cdef");
        assert_eq!(screen_line("| 012345", 12), "| 012345");
        let long = "x".repeat(SHOWN + 1);
        assert_eq!(screen_line(&long, usize::MAX), format!("{}…", &long[1..]));
    }

    #[test]
    fn of_many_steps_the_middle_is_left_out() {
        let lines = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(middle_left_out(lines(STEPS.0)), lines(STEPS.0));
        let shown = middle_left_out(lines(100));
        assert_eq!(shown.len(), STEPS.0);
        assert_eq!(shown[7..10], ["7", "… 77 more …", "85"]);
        assert_eq!(shown[STEPS.0 - 1], "99");
    }
}
