//! Runs one session: starts its programs, types, awaits every line, and records what happened.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

use crate::capture::{self, Capture, Packet};
use crate::project::Programs;
use crate::session::{Action, Fault, Session, matches};

/// How long each line of a session may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How much a program may print. The programs of the lessons print a few lines.
const MOST_PRINTED: usize = 1 << 20;

/// How much of what a program printed a fault tells.
const MOST_TOLD: usize = 4000;

/// What happened when a session ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// What the page shows, in the order of the session.
    pub events: Vec<Event>,
    /// The packets in the order in which they were captured; empty where none were recorded.
    pub packets: Vec<Recorded>,
}

/// One thing that happened in a terminal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub terminal: usize,
    /// Since the session began, in milliseconds.
    pub time: u64,
    pub what: What,
}

/// What happened in a terminal, in full: no wildcard is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A program was started: what a reader types behind `cargo run --bin `.
    Start(String),
    Line(String),
    Prompt(String),
    Type(String),
    EndInput,
    Interrupt,
    Status(i32),
}

/// A packet, and the index of the event that it came with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    pub event: usize,
    /// Since the first packet.
    pub time: Duration,
    pub packet: Packet,
}

/// Runs the session with these programs, by their names, in this folder, and in the network that we
/// are in. Only in a network of our own may we record packets: elsewhere there are none, and nothing is
/// said about them.
///
/// # Errors
/// The first line that does not come true, with its place and what was printed instead.
pub fn run(
    session: &Session,
    programs: &Programs,
    folder: &Path,
    apart: bool,
) -> Result<Recording, Fault> {
    let fault = |what: String| Fault::new(&session.chapter, first_line(session), what);
    let capture = match session.packets && apart {
        true => Some(
            Capture::start().map_err(|error| fault(format!("cannot record packets: {error}")))?,
        ),
        false => None,
    };
    let mut stage = Stage {
        session,
        programs,
        folder,
        begun: Instant::now(),
        begun_at: SystemTime::now(),
        terminals: session.terminals.iter().map(|_| None).collect(),
        events: Vec::new(),
        times: Vec::new(),
        expected_packets: Vec::new(),
    };
    for step in &session.steps {
        let played = stage.play(&step.action);
        played.map_err(|what| stage.explain(step.line, what))?;
    }
    let ended = stage.end();
    ended.map_err(|what| stage.explain(last_line(session), what))?;
    let packets = match capture {
        Some(capture) => {
            capture.stop().map_err(|error| fault(format!("packets are lost: {error}")))?
        }
        None => Vec::new(),
    };
    let packets = if apart { stage.place(packets)? } else { Vec::new() };
    Ok(Recording { events: stage.events, packets })
}

fn first_line(session: &Session) -> usize {
    session.steps.first().map_or(0, |step| step.line)
}

fn last_line(session: &Session) -> usize {
    session.steps.last().map_or(0, |step| step.line)
}

/// A session while it runs.
struct Stage<'a> {
    session: &'a Session,
    programs: &'a Programs,
    folder: &'a Path,
    begun: Instant,
    begun_at: SystemTime,
    terminals: Vec<Option<Terminal>>,
    events: Vec<Event>,
    /// When each event happened, since the session began.
    times: Vec<Duration>,
    /// What the `wire|` lines say, and the event that each stands behind.
    expected_packets: Vec<(String, usize)>,
}

impl Stage<'_> {
    fn play(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Start { terminal, command, program, arguments } => {
                self.start(*terminal, command, program, arguments)
            }
            Action::Line { terminal, pattern } => {
                let (line, at) = self.terminal(*terminal)?.expect_line(pattern)?;
                self.happened(*terminal, at, What::Line(line));
                Ok(())
            }
            Action::Prompt { terminal, pattern } => {
                let (prompt, at) = self.terminal(*terminal)?.expect_prompt(pattern)?;
                self.happened(*terminal, at, What::Prompt(prompt));
                Ok(())
            }
            Action::Type { terminal, text } => {
                self.happened(*terminal, Instant::now(), What::Type(text.clone()));
                self.terminal(*terminal)?.type_line(text)
            }
            Action::EndInput { terminal } => {
                self.happened(*terminal, Instant::now(), What::EndInput);
                self.terminal(*terminal)?.end_input();
                Ok(())
            }
            Action::Interrupt { terminal } => {
                self.happened(*terminal, Instant::now(), What::Interrupt);
                self.terminal(*terminal)?.interrupt()
            }
            Action::Status { terminal, status } => {
                let ended = self.terminal(*terminal)?.tell_status()?;
                self.happened(*terminal, Instant::now(), What::Status(ended));
                match ended == *status {
                    true => Ok(()),
                    false => Err(format!(
                        "expected: exit status {status}\n    came: exit status {ended}"
                    )),
                }
            }
            Action::Packet { pattern } => {
                let event = self.events.len().saturating_sub(1);
                self.expected_packets.push((pattern.clone(), event));
                Ok(())
            }
        }
    }

    fn start(
        &mut self,
        terminal: usize,
        command: &str,
        program: &str,
        arguments: &[String],
    ) -> Result<(), String> {
        let Some(path) = self.programs.get(program) else {
            return Err(format!("no lesson has a program \"{program}\""));
        };
        if let Some(before) = &mut self.terminals[terminal] {
            before.finish()?;
        }
        self.happened(terminal, Instant::now(), What::Start(command.to_owned()));
        let started = Terminal::start(program, path, arguments, self.folder);
        self.terminals[terminal] =
            Some(started.map_err(|error| format!("cannot start {program}: {error}"))?);
        Ok(())
    }

    fn terminal(&mut self, terminal: usize) -> Result<&mut Terminal, String> {
        let name = &self.session.terminals[terminal];
        self.terminals[terminal].as_mut().ok_or_else(|| format!("{name} has started no program"))
    }

    fn happened(&mut self, terminal: usize, at: Instant, what: What) {
        // Two terminals may print at once; the session says which one is looked at first.
        let time = at.saturating_duration_since(self.begun);
        let time = self.times.last().map_or(time, |before| time.max(*before));
        self.times.push(time);
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.events.push(Event { terminal, time, what });
    }

    /// Ends what still runs; what has ended by itself must have ended well, and nobody may have printed
    /// a line that the session does not show.
    fn end(&mut self) -> Result<(), String> {
        for terminal in self.terminals.iter_mut().flatten() {
            match terminal.has_ended() {
                true => terminal.finish()?,
                false => terminal.stop()?,
            }
        }
        Ok(())
    }

    fn explain(&self, line: usize, what: String) -> Fault {
        let mut what = format!("session {}: {what}", self.session.name);
        for (name, terminal) in self.session.terminals.iter().zip(&self.terminals) {
            if let Some(terminal) = terminal {
                what.push_str(&format!("\n  on {name}, {}:", terminal.program));
                for line in terminal.shown().lines() {
                    what.push_str(&format!("\n    {}", line.escape_debug()));
                }
            }
        }
        Fault::new(&self.session.chapter, line, what)
    }

    /// Finds the packet of every `wire|` line, and for every packet the event that it came with: the
    /// line that the `wire|` line stands behind, and for the others the last event before it in time.
    fn place(&self, packets: Vec<Packet>) -> Result<Vec<Recorded>, Fault> {
        let mut events: Vec<Option<usize>> = vec![None; packets.len()];
        let mut next = 0;
        let expected =
            self.session.steps.iter().filter(|step| matches!(step.action, Action::Packet { .. }));
        for (step, (pattern, event)) in expected.zip(&self.expected_packets) {
            let found = packets[next..]
                .iter()
                .position(|packet| matches(pattern, &capture::summary(packet)));
            let Some(found) = found else {
                let mut what =
                    format!("session {}: no packet came\n  expected: {pattern}", self.session.name);
                for packet in &packets[next..] {
                    what.push_str(&format!("\n      came: {}", capture::summary(packet)));
                }
                return Err(Fault::new(&self.session.chapter, step.line, what));
            };
            events[next + found] = Some(*event);
            next += found + 1;
        }
        let begun = self.begun_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let first = packets.first().map_or(begun, |packet| packet.time);
        let mut recorded: Vec<Recorded> = Vec::new();
        for (index, packet) in packets.into_iter().enumerate() {
            let time = packet.time.saturating_sub(begun);
            let in_time = self.times.iter().rposition(|event| *event <= time).unwrap_or_default();
            let before = recorded.last().map_or(0, |before| before.event);
            let after = events[index..].iter().find_map(|event| *event).unwrap_or(usize::MAX);
            let event = events[index].unwrap_or(in_time).clamp(before, after.max(before));
            recorded.push(Recorded { event, time: packet.time.saturating_sub(first), packet });
        }
        Ok(recorded)
    }
}

/// A program whose output, both streams in one as a terminal shows them, is collected with its times.
struct Terminal {
    program: String,
    child: Child,
    keyboard: Option<ChildStdin>,
    screen: Arc<Screen>,
    /// How much of the screen was expected and came.
    seen: usize,
    /// Whether the line of a prompt is still to be ended, as Enter does it in a terminal.
    at_prompt: bool,
    interrupted: bool,
    /// Whether a line of the session has awaited the end.
    status_is_told: bool,
}

#[derive(Default)]
struct Screen {
    printed: Mutex<Printed>,
    changed: Condvar,
}

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// When the bytes up to here had come.
    pieces: Vec<(usize, Instant)>,
    closed: bool,
    is_too_long: bool,
}

impl Printed {
    fn time_of(&self, byte: usize) -> Instant {
        let piece = self.pieces.iter().find(|(end, _)| *end > byte).or(self.pieces.last());
        piece.map_or_else(Instant::now, |(_, time)| *time)
    }
}

impl Screen {
    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a wait for output went.
enum Came<T> {
    Yes(T),
    NotYet,
}

impl Terminal {
    fn start(name: &str, path: &Path, arguments: &[String], folder: &Path) -> io::Result<Self> {
        let (mut output, input) = io::pipe()?;
        let mut command = Command::new(path);
        command.args(arguments).current_dir(folder).stdin(Stdio::piped());
        command.stdout(input.try_clone()?).stderr(input);
        support::prepare_to_end(&mut command);
        let mut child = command.spawn()?;
        // The command holds our copies of the writing end; without them the output ends with the program.
        drop(command);
        let screen = Arc::new(Screen::default());
        let shared = screen.clone();
        // It ends with the output, or with our process.
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                let mut printed = shared.printed();
                printed.bytes.extend_from_slice(&buffer[..length]);
                let end = printed.bytes.len();
                printed.pieces.push((end, Instant::now()));
                shared.changed.notify_all();
                if end > MOST_PRINTED {
                    // Nobody reads on: its next line is an error for the program.
                    printed.is_too_long = true;
                    break;
                }
            }
            drop(output);
            shared.printed().closed = true;
            shared.changed.notify_all();
        });
        let keyboard = child.stdin.take();
        Ok(Self {
            program: name.to_owned(),
            child,
            keyboard,
            screen,
            seen: 0,
            at_prompt: false,
            interrupted: false,
            status_is_told: false,
        })
    }

    /// Waits until `look` finds in what is unseen, and whether the output has ended, what it looks for.
    fn await_output<T>(
        &self,
        what: &str,
        mut look: impl FnMut(&Printed, bool) -> Result<Came<T>, String>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + PATIENCE;
        let mut printed = self.screen.printed();
        loop {
            if let Came::Yes(found) = look(&printed, printed.closed)? {
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if printed.is_too_long {
                return Err(format!(
                    "expected: {what}\n    came: more than {MOST_PRINTED} bytes, {} prints without end",
                    self.program
                ));
            }
            if printed.closed {
                return Err(format!(
                    "expected: {what}\n    came: nothing, {} has ended",
                    self.program
                ));
            }
            if left.is_zero() {
                let unseen = beginning(&printed.bytes[self.seen..]);
                return Err(format!(
                    "expected: {what}\n    came: {unseen:?} and no more for {PATIENCE:?}"
                ));
            }
            let waited = self.screen.changed.wait_timeout(printed, left);
            printed = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn expect_line(&mut self, pattern: &str) -> Result<(String, Instant), String> {
        let begin = self.after_prompt(pattern)?;
        let (line, length, at) = self.await_output(pattern, |printed, closed| {
            let unseen = &printed.bytes[begin..];
            let length = unseen.iter().position(|byte| *byte == b'\n');
            let length = length.or((closed && !unseen.is_empty()).then_some(unseen.len()));
            let Some(length) = length else { return Ok(Came::NotYet) };
            let line = String::from_utf8_lossy(&unseen[..length]).into_owned();
            Ok(Came::Yes((line, length, printed.time_of(begin + length))))
        })?;
        if !matches(pattern, &line) {
            return Err(format!("expected: {pattern}\n    came: {}", beginning(line.as_bytes())));
        }
        self.seen = begin + length + 1;
        Ok((line, at))
    }

    fn expect_prompt(&mut self, pattern: &str) -> Result<(String, Instant), String> {
        let begin = self.after_prompt(pattern)?;
        let (prompt, at) = self.await_output(pattern, |printed, _| {
            let unseen = &printed.bytes[begin..];
            if let Some(length) = unseen.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&unseen[..length]);
                return Err(format!("expected: the prompt {pattern}\n    came: the line {line}"));
            }
            let Ok(text) = std::str::from_utf8(unseen) else { return Ok(Came::NotYet) };
            // The blank at its end may come later than the rest of it.
            match matches(pattern, text) && text.ends_with(' ') {
                true => Ok(Came::Yes((text.to_owned(), printed.time_of(begin)))),
                false => Ok(Came::NotYet),
            }
        })?;
        self.seen = begin + prompt.len();
        self.at_prompt = true;
        Ok((prompt, at))
    }

    /// Where the next output begins. Behind a prompt that was answered comes first the end of its line,
    /// which in a terminal is the echo of Enter.
    fn after_prompt(&mut self, pattern: &str) -> Result<usize, String> {
        if !self.at_prompt {
            return Ok(self.seen);
        }
        let seen = self.seen;
        let ended = self.await_output(pattern, |printed, _| {
            Ok(printed.bytes.get(seen).map_or(Came::NotYet, |byte| Came::Yes(*byte == b'\n')))
        })?;
        self.at_prompt = false;
        self.seen += usize::from(ended);
        Ok(self.seen)
    }

    fn type_line(&mut self, text: &str) -> Result<(), String> {
        let program = &self.program;
        let Some(keyboard) = &mut self.keyboard else {
            return Err(format!("the input of {program} was ended before"));
        };
        let typed =
            keyboard.write_all(format!("{text}\n").as_bytes()).and_then(|()| keyboard.flush());
        typed.map_err(|error| format!("{program} does not read what is typed: {error}"))
    }

    fn end_input(&mut self) {
        self.keyboard = None;
    }

    fn interrupt(&mut self) -> Result<(), String> {
        self.interrupted = true;
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};
            let sent = kill_process(Pid::from_child(&self.child), Signal::INT);
            sent.map_err(|error| format!("cannot interrupt {}: {error}", self.program))
        }
        #[cfg(not(unix))]
        self.child.kill().map_err(|error| format!("cannot end {}: {error}", self.program))
    }

    /// Waits for the program's end: its status, 128 and the signal's number when a signal ended it.
    fn wait(&mut self) -> Result<i32, String> {
        self.await_output("the end of the program", |_, closed| {
            Ok(if closed { Came::Yes(()) } else { Came::NotYet })
        })?;
        let status = self.wait_for_status()?;
        self.nothing_left()?;
        #[cfg(unix)]
        {
            use std::os::unix::process::ExitStatusExt;
            if let Some(signal) = status.signal() {
                return Ok(128 + signal);
            }
        }
        // Elsewhere an interrupted program was ended, and has the status that we gave it.
        Ok(if cfg!(not(unix)) && self.interrupted { 130 } else { status.code().unwrap_or(-1) })
    }

    /// Waits for the end of a program that has ended its output, which most do by ending.
    fn wait_for_status(&mut self) -> Result<ExitStatus, String> {
        let program = &self.program;
        let waited = self.child.wait_timeout(PATIENCE);
        let status = waited.map_err(|error| format!("cannot wait for {program}: {error}"))?;
        status.ok_or_else(|| {
            let what = format!("expected: the end of {program}");
            format!("{what}\n    came: the end of its output, and no more for {PATIENCE:?}")
        })
    }

    /// Waits for the program's end, as a line of the session says.
    fn tell_status(&mut self) -> Result<i32, String> {
        self.status_is_told = true;
        self.wait()
    }

    /// Waits for the end of a program whose status no line has told: it must be 0.
    fn finish(&mut self) -> Result<(), String> {
        if self.status_is_told {
            return Ok(());
        }
        match self.wait()? {
            0 => Ok(()),
            130 if self.interrupted => Ok(()),
            status => Err(format!(
                "{} ended with {status}, and the session does not say so",
                self.program
            )),
        }
    }

    /// Ends a program that would go on.
    fn stop(&mut self) -> Result<(), String> {
        self.interrupt()?;
        self.wait().map(drop)
    }

    fn has_ended(&self) -> bool {
        self.screen.printed().closed
    }

    /// Fails when there is output that the session does not show; the end of a prompt's line is none.
    fn nothing_left(&self) -> Result<(), String> {
        let printed = self.screen.printed();
        let unseen = beginning(printed.bytes.get(self.seen..).unwrap_or_default());
        let unseen = if self.at_prompt { unseen.trim_start_matches('\n') } else { &unseen };
        match unseen.is_empty() {
            true => Ok(()),
            false => Err(format!(
                "expected: nothing more from {}\n    came: {}",
                self.program,
                unseen.trim_end()
            )),
        }
    }

    fn shown(&self) -> String {
        beginning(&self.screen.printed().bytes)
    }
}

/// What was printed, as text, as far as a fault tells it.
fn beginning(printed: &[u8]) -> String {
    let told = &printed[..printed.len().min(MOST_TOLD)];
    let more = if told.len() < printed.len() { "…" } else { "" };
    format!("{}{more}", String::from_utf8_lossy(told))
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
