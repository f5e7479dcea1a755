//! Recordings that stand beside the text, in `book/recordings`: where sessions cannot have networks of
//! their own, the book shows these. They were made by the same engine, where they can; the tests hold
//! that there is one for each session and that it fits.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::capture;
use crate::record::Recorder;
use crate::run::{Recording, What};
use crate::session::{Action, Fault, Session, matches};

const FOLDER: &str = "book/recordings";

/// A recording on the shelf, and what the session said when it was made.
#[derive(Serialize, Deserialize)]
struct Shelved {
    text: String,
    recording: Recording,
}

/// Where the recording of a session stands: editions of the book share it by the names of chapter and
/// session.
fn place(root: &Path, session: &Session) -> PathBuf {
    root.join(FOLDER).join(file_name(session))
}

fn file_name(session: &Session) -> String {
    let chapter = session.chapter.rsplit('/').next().unwrap_or_default();
    format!("{}.{}.json", chapter.strip_suffix(".md").unwrap_or(chapter), session.name)
}

/// The recording of this session.
///
/// # Errors
/// There is none, or it was made of another session.
pub fn take(root: &Path, session: &Session) -> Result<Recording, Fault> {
    let line = session.steps.first().map_or(0, |step| step.line);
    let fault = |what: &str| {
        let name = &session.name;
        Fault::new(&session.chapter, line, format!("session {name}: {what}: make record"))
    };
    let bytes = fs::read(place(root, session)).map_err(|_| fault("it has no recording"))?;
    let shelved: Shelved = serde_json::from_slice(&bytes)
        .map_err(|error| fault(&format!("its recording is broken, {error}")))?;
    if shelved.text != session.text() {
        return Err(fault("its recording is of another text"));
    }
    match fits(session, &shelved.recording) {
        true => Ok(shelved.recording),
        false => Err(fault("its recording shows something else")),
    }
}

/// Runs the session, and then looks whether its recording on the shelf is of it: a line that does not
/// come true any more is told before a recording that has become old with it.
///
/// # Errors
/// The line that does not come true, or what is wrong with the recording.
pub fn hold(root: &Path, session: &Session, recorder: &Recorder) -> Result<(), Fault> {
    recorder.record(session).and_then(|_| take(root, session)).map(drop)
}

/// Puts the recording of a session in its place.
///
/// # Errors
/// The file cannot be written.
pub fn put(root: &Path, session: &Session, recording: Recording) -> Result<()> {
    let place = place(root, session);
    fs::create_dir_all(root.join(FOLDER))?;
    let shelved = Shelved { text: session.text(), recording };
    let json = serde_json::to_string_pretty(&shelved)? + "\n";
    fs::write(&place, json).with_context(|| format!("cannot write {}", place.display()))
}

/// The files on the shelf that belong to none of these sessions.
///
/// # Errors
/// The folder cannot be read.
pub fn strangers(root: &Path, sessions: &[Session]) -> Result<Vec<PathBuf>> {
    let known: BTreeSet<String> = sessions.iter().map(file_name).collect();
    let mut strangers = Vec::new();
    for entry in fs::read_dir(root.join(FOLDER)).with_context(|| format!("cannot read {FOLDER}"))? {
        let entry = entry?;
        if !known.contains(&*entry.file_name().to_string_lossy()) {
            strangers.push(entry.path());
        }
    }
    strangers.sort();
    Ok(strangers)
}

/// Whether a recording is what the session says, line by line.
fn fits(session: &Session, recording: &Recording) -> bool {
    let mut events = recording.events.iter();
    let mut steps =
        session.steps.iter().filter(|step| !matches!(step.action, Action::Packet { .. }));
    let fit = steps.all(|step| {
        let Some(event) = events.next() else { return false };
        match (&step.action, &event.what) {
            (Action::Start { command, .. }, What::Start(started)) => command == started,
            (Action::Line { pattern, .. }, What::Line(line))
            | (Action::Prompt { pattern, .. }, What::Prompt(line)) => matches(pattern, line),
            (Action::Type { text, .. }, What::Type(typed)) => text == typed,
            (Action::Status { status, .. }, What::Status(ended)) => status == ended,
            (Action::EndInput { .. }, What::EndInput)
            | (Action::Interrupt { .. }, What::Interrupt) => true,
            _ => false,
        }
    });
    // As in the run: in this order, and others may stand between them.
    let mut packets = recording.packets.iter().map(|recorded| capture::summary(&recorded.packet));
    let came = session.steps.iter().all(|step| match &step.action {
        Action::Packet { pattern } => packets.any(|packet| matches(pattern, &packet)),
        _ => true,
    });
    fit && came && events.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Event;

    fn session() -> Session {
        let body = "one$ 01-send\none| sent 3 bytes from [..]\none! 0\n";
        Session::parse("book/en/src/01-send.md", "session tried", body, 5).expect("it is a session")
    }

    fn recording(line: &str) -> Recording {
        let what = [What::Start("01-send".into()), What::Line(line.into()), What::Status(0)];
        let events = what.into_iter().map(|what| Event { terminal: 0, time: 0, what }).collect();
        Recording { events, packets: Vec::new() }
    }

    #[test]
    fn a_recording_is_taken_as_long_as_it_is_of_this_session() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        let refused = |session: &Session| take(root, session).expect_err("refused").to_string();
        assert!(
            refused(&session())
                .ends_with("01-send.md:5: session tried: it has no recording: make record")
        );
        put(root, &session(), recording("sent 3 bytes from 127.0.0.1:5")).expect("written");
        let taken = take(root, &session()).expect("it is there");
        assert_eq!(taken.events[1].what, What::Line("sent 3 bytes from 127.0.0.1:5".into()));

        let mut other = session();
        other.steps.pop();
        assert!(refused(&other).contains("its recording is of another text"));
        put(root, &session(), recording("sent 4 bytes")).expect("written");
        assert!(refused(&session()).contains("its recording shows something else"));
    }

    #[test]
    fn a_recording_whose_session_has_gone_is_a_stranger() {
        let root = tempfile::tempdir().expect("a folder");
        put(root.path(), &session(), recording("x")).expect("written");
        assert!(strangers(root.path(), &[session()]).expect("a folder").is_empty());
        let strangers = strangers(root.path(), &[]).expect("a folder");
        assert!(strangers[0].ends_with("book/recordings/01-send.tried.json"), "{strangers:?}");
    }
}
