//! What an exercise promises, and what became of each promise.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use crate::stage::{Stage, Subject};

/// The check of one exercise.
pub struct Exercise {
    /// The folder of its lesson: `07-echo`. The first two characters are its number.
    pub folder: &'static str,
    /// The title of its chapter: `Echo`.
    pub title: &'static str,
    /// What a right program does, in the order in which a learner gets there.
    pub promises: &'static [Promise],
    /// From a nudge to nearly the whole way.
    pub hints: &'static [&'static str],
    /// The file as it is handed out: what `lessons/NN-name/exercise.rs` held before a learner changed it.
    pub handed_out: &'static str,
}

/// One thing that a right program does.
pub struct Promise {
    /// A sentence without a full stop that says what is expected: `the sixth within a second is
    /// dropped`. It stands in the head of `exercise.rs` too.
    pub name: &'static str,
    /// The part of the task that asks for it, in the task's own words.
    pub task: &'static str,
    /// Starts the program, speaks to it, and says what it found.
    pub check: fn(&mut Stage) -> Result<(), Broken>,
}

/// What a broken promise tells its learner.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What was to come.
    pub expected: String,
    /// What came instead.
    pub came: String,
    /// What the check had done up to there: started, sent, typed, received.
    pub steps: Vec<String>,
    /// What stood on the terminal of each program that the check started: its name and its lines.
    pub screens: Vec<(String, String)>,
}

/// What became of a promise: its number in the exercise's list, and what broke it.
pub type Outcome = Result<(), Broken>;

/// A check that could not do its own part.
#[derive(Clone, Copy, Debug)]
pub struct Unchecked;

impl fmt::Display for Unchecked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("could not be checked: no process could be started, or no file written")
    }
}

impl std::error::Error for Unchecked {}

impl Exercise {
    /// Its number, two digits: `07`.
    pub fn number(&self) -> &'static str {
        &self.folder[..2]
    }

    /// The name of its program: `07-exercise`.
    pub fn program(&self) -> String {
        format!("{}-exercise", self.number())
    }

    /// Where the learner works, below the folder of the course: `lessons/07-echo/exercise.rs`.
    pub fn file(&self) -> PathBuf {
        PathBuf::from("lessons").join(self.folder).join("exercise.rs")
    }

    /// Whether this is the file as it is handed out, but perhaps for the line endings.
    pub fn is_handed_out(&self, file: &[u8]) -> bool {
        unix_lines(file) == unix_lines(self.handed_out.as_bytes())
    }

    /// Checks every promise, all at the same time, each with programs, sockets and a folder of its own:
    /// what became of each, in the order of the promises. It takes at most [`crate::stage::LONGEST`].
    ///
    /// # Errors
    /// A check could not do its own part: no process can be started, no file written. That says nothing of
    /// the program.
    pub fn check(&self, subject: &Subject) -> Result<Vec<Outcome>, Unchecked> {
        let subject = Arc::new(subject.clone());
        let checks = self.promises.iter().map(|promise| {
            let subject = subject.clone();
            // A program ends with the thread that started it, so each promise has its own.
            thread::Builder::new().spawn(move || Stage::new(subject).play(promise.check))
        });
        let checks: Vec<_> = checks.collect();
        let ended: Vec<_> = checks.into_iter().map(|check| check.ok()?.join().ok()).collect();
        ended.into_iter().map(|outcome| outcome.ok_or(Unchecked)).collect()
    }
}

/// A text with the line endings of Unix: on Windows git may write others.
pub(crate) fn unix_lines(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if *byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
            lines.push(*byte);
        }
    }
    lines
}
