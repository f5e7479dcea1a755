//! Records sessions: each runs in a process of its own, in a network of its own where the system
//! allows it, several at a time; what happened is kept until the session or its programs change.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};
use std::{fs, io, process, thread};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::project::{self, Programs};
use crate::run::{self, Recording};
use crate::session::{Fault, Session};

/// How many sessions run at the same time: they mostly wait.
const AT_ONCE: usize = 8;

/// How long the process of one session may live, whatever happens in it.
const LONGEST: Duration = Duration::from_secs(300);

/// What a process that runs a session is told on its standard input.
#[derive(Serialize, Deserialize)]
struct Task {
    session: Session,
    programs: Programs,
    apart: bool,
}

/// Starts the programs of sessions by way of processes of its own: this executable, or another one that
/// understands its commands `run-session` and `can-be-apart`.
pub struct Recorder {
    notebook: PathBuf,
    programs: Programs,
    apart: OnceLock<bool>,
    /// Held by a session that runs on the machine's own ports.
    ports: Mutex<()>,
}

impl Recorder {
    /// `notebook` is the path of the program that this crate builds.
    pub fn new(notebook: PathBuf, programs: Programs) -> Self {
        Self { notebook, programs, apart: OnceLock::new(), ports: Mutex::new(()) }
    }

    /// As [`new`](Self::new), on the machine's own ports, one session after the other.
    pub fn on_this_machine(notebook: PathBuf, programs: Programs) -> Self {
        Self { apart: OnceLock::from(false), ..Self::new(notebook, programs) }
    }

    /// Runs one session and records it.
    ///
    /// # Errors
    /// The line that does not come true, or that the session could not be run at all.
    pub fn record(&self, session: &Session) -> Result<Recording, Fault> {
        let whole = |what: String| {
            Fault::new(&session.chapter, 0, format!("session {}: {what}", session.name))
        };
        for program in session.programs() {
            if !self.programs.contains_key(program) {
                let line = session.line_that_starts(program);
                return Err(Fault::new(
                    &session.chapter,
                    line,
                    format!("no lesson has a program \"{program}\""),
                ));
            }
        }
        let apart = self.is_apart();
        let _alone = (!apart).then(|| self.ports.lock().unwrap_or_else(PoisonError::into_inner));
        let task = Task { session: session.clone(), programs: self.programs.clone(), apart };
        let said = self.run_process(&task).map_err(|error| whole(format!("{error:#}")))?;
        serde_json::from_slice::<Result<Recording, Fault>>(&said)
            .map_err(|_| whole(String::from_utf8_lossy(&said).into_owned()))?
    }

    fn run_process(&self, task: &Task) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.notebook);
        command
            .arg("run-session")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        support::prepare_to_end(&mut command);
        let mut child = command.spawn().context("cannot start the session")?;
        let task = serde_json::to_vec(task)?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(&task).context("cannot tell the session what to do")?;
        }
        Ok(child.wait_with_output().context("cannot wait for the session")?.stdout)
    }

    /// Whether sessions run in networks of their own here.
    pub fn is_apart(&self) -> bool {
        *self.apart.get_or_init(|| can_be_apart(&self.notebook))
    }

    /// The recordings of these sessions, in their order. What was recorded before, with the same
    /// programs, is taken from `kept`; `stale` also takes what older programs did.
    pub fn record_all(
        &self,
        sessions: &[Session],
        kept: &Path,
        stale: bool,
    ) -> Vec<Result<Recording, Fault>> {
        let next = AtomicUsize::new(0);
        let results: Vec<OnceLock<_>> = sessions.iter().map(|_| OnceLock::new()).collect();
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(sessions.len()) {
                scope.spawn(|| {
                    while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed))
                        .filter(|index| *index < sessions.len())
                    {
                        let recorded = self.kept_or_new(&sessions[index], kept, stale);
                        let _ = results[index].set(recorded);
                    }
                });
            }
        });
        results.into_iter().filter_map(OnceLock::into_inner).collect()
    }

    fn kept_or_new(&self, session: &Session, kept: &Path, stale: bool) -> Result<Recording, Fault> {
        let file = kept.join(format!("{}-{:016x}.json", session.name, hash(&session.text())));
        let programs = self.fingerprint(session);
        let before =
            fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        if let Some(before) = before.filter(|before| stale || before.programs == programs) {
            return Ok(before.recording);
        }
        let recording = self.record(session)?;
        let kept = Kept { programs, recording };
        let written = write_whole(&file, &kept);
        written.map_err(|error| {
            Fault::new(&session.chapter, 0, format!("cannot keep a recording: {error:#}"))
        })?;
        Ok(kept.recording)
    }

    /// Changes when one of the session's programs, or the notebook itself, is built anew.
    fn fingerprint(&self, session: &Session) -> u64 {
        let mut built: Vec<(&Path, Option<(u64, SystemTime)>)> = Vec::new();
        let programs = session.programs().into_iter().filter_map(|name| self.programs.get(name));
        for path in programs.chain([&self.notebook]) {
            let metadata = fs::metadata(path).ok();
            let built_at = metadata.and_then(|file| Some((file.len(), file.modified().ok()?)));
            built.push((path, built_at));
        }
        hash(&(built, self.is_apart()))
    }
}

/// Whether sessions can have networks of their own here. `notebook` is the path of the program that this
/// crate builds.
pub fn can_be_apart(notebook: &Path) -> bool {
    let tried = Command::new(notebook).arg("can-be-apart").stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

/// A recording on the disk.
#[derive(Serialize, Deserialize)]
struct Kept {
    programs: u64,
    recording: Recording,
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Writes beside the file and renames, so that two builds at once never read half a recording.
fn write_whole(file: &Path, kept: &Kept) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut written = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut written, kept)?;
    written.persist(file)?;
    Ok(())
}

/// What the command `run-session` does: reads a `Task` from standard input, runs it, and writes its
/// recording or its fault to standard output.
///
/// # Errors
/// The task cannot be read, the network of its own cannot be made, or the result cannot be written.
pub fn run_session() -> Result<()> {
    let task: Task = serde_json::from_reader(io::stdin()).context("no session to run")?;
    if task.apart {
        // Before the first thread: a process changes its network alone.
        crate::namespace::enter().context("cannot make a network for the session")?;
        // Who changes his rights outlives his parent, unless he says it again (prctl(2)).
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    }
    thread::spawn(|| {
        // Nobody ever sends: this waits for its time to be over.
        let (_sender, never) = std::sync::mpsc::channel::<()>();
        let _ = never.recv_timeout(LONGEST);
        process::exit(1);
    });
    let folder = session_folder().context("cannot prepare a folder for the session")?;
    let result = run::run(&task.session, &task.programs, folder.path(), task.apart);
    serde_json::to_writer(io::stdout(), &result).context("cannot hand out the recording")
}

/// A new folder with a copy of the files that a session may send. It goes with the session; what Ctrl-C
/// leaves of it lies where cargo cleans.
fn session_folder() -> Result<tempfile::TempDir> {
    let place = project::kept_sessions();
    fs::create_dir_all(&place)?;
    let folder = tempfile::Builder::new().prefix("running-").tempdir_in(place)?;
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(project::root().join(file), folder.path().join(file))?;
    }
    Ok(folder)
}
