//! The check again on each save.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;
use std::{env, thread};

use anyhow::{Context, Result, bail};
use notify::event::Flag;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::check::Exercise;
use crate::compile::root;
use crate::report::FAINT;

use super::{checked, on_interrupt, progress, say};

/// An editor saves in several steps. When this long nothing has happened, it is done.
const QUIET: Duration = Duration::from_millis(80);

/// How often a check is asked to end that nobody waits for any more.
const GLANCE: Duration = Duration::from_millis(50);

/// Checks an exercise, the first that is not yet done when none is named, and again on each save, until
/// Ctrl-C.
///
/// # Errors
/// Nothing can be watched; or as [`super::check`].
pub fn watch(exercise: Option<&'static Exercise>) -> Result<ExitCode> {
    on_interrupt(0)?;
    let exercise = match exercise {
        Some(exercise) => exercise,
        None => match progress::first_to_do()? {
            Some(exercise) => exercise,
            None => {
                say("All exercises are done.\n");
                return Ok(ExitCode::SUCCESS);
            }
        },
    };
    let folder = root().join("lessons").join(exercise.folder);
    let (_watcher, saves) = saves(&folder)?;
    loop {
        // A check that a newer save has overtaken says nothing.
        if let Some(text) = check_unless_saved(exercise, &saves)? {
            clear();
            let file = exercise.file();
            say(&format!(
                "{text}\n{FAINT}Watching {}: each save is checked. Ctrl-C ends it.{FAINT:#}\n",
                file.display()
            ));
            if saves.recv().is_err() {
                bail!("nobody watches any more");
            }
        }
        until_quiet(&saves);
        if io::stdout().is_terminal() {
            say(&format!("{FAINT}saved: checking …{FAINT:#}\n"));
        }
    }
}

/// What the learner is told, unless the file is saved before the check ends.
fn check_unless_saved(exercise: &'static Exercise, saves: &Receiver<()>) -> Result<Option<String>> {
    let check = thread::spawn(|| checked(exercise));
    let mut overtaken = false;
    while !check.is_finished() {
        overtaken |= saves.try_recv() != Err(TryRecvError::Empty);
        if overtaken {
            // Nothing is waited for any more when the programs have ended.
            support::end_all_apart();
        }
        thread::park_timeout(GLANCE);
    }
    match check.join() {
        Ok(_) if overtaken => Ok(None),
        Ok(Ok((_, text))) => Ok(Some(text)),
        // It may be mended while we watch, as a manifest.
        Ok(Err(error)) => Ok(Some(format!("{error:#}\n"))),
        Err(fault) => std::panic::resume_unwind(fault),
    }
}

/// Tells of each change of a Rust file in this folder, for as long as the watcher lives.
fn saves(folder: &Path) -> Result<(RecommendedWatcher, Receiver<()>)> {
    let (sender, saves) = mpsc::channel();
    let saved = move |event: notify::Result<Event>| {
        if event.as_ref().map_or(true, is_save) {
            // An error: nobody waits any more.
            let _ = sender.send(());
        }
    };
    let mut watcher = notify::recommended_watcher(saved).context("cannot watch for changes")?;
    // The folder and not the file: editors write a new file and give it the old one's name.
    watcher
        .watch(folder, RecursiveMode::NonRecursive)
        .with_context(|| format!("cannot watch {}", folder.display()))?;
    Ok((watcher, saves))
}

fn is_save(event: &Event) -> bool {
    // There were more changes than the system could tell.
    let missed = event.attrs.flag() == Some(Flag::Rescan);
    let is_source = |path: &Path| {
        let hidden =
            path.file_name().is_none_or(|name| name.to_string_lossy().starts_with(['.', '#']));
        path.extension() == Some("rs".as_ref()) && !hidden
    };
    missed || (!event.kind.is_access() && event.paths.iter().any(|path| is_source(path)))
}

/// Waits until the editor has done all its steps.
fn until_quiet(saves: &Receiver<()>) {
    // A folder in which it is never quiet is checked all the same.
    for _ in 0..20 {
        if saves.recv_timeout(QUIET) == Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// Clears the terminal, with what scrolled out of it.
fn clear() {
    let knows = cfg!(windows) || env::var_os("TERM").is_some_and(|term| term != "dumb");
    if io::stdout().is_terminal() && knows {
        use std::io::Write;
        let mut output = anstream::stdout();
        let _ = output.write_all(b"\x1b[H\x1b[2J\x1b[3J");
    }
}
