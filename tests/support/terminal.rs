use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{BRIEFLY, PATIENCE};

/// A program that runs in the background: what it prints is collected, lines are typed into it, and it
/// is killed and reaped when this goes out of scope, however the test ends. A test that fails shows
/// what stood on each of its terminals.
pub struct Terminal {
    name: String,
    child: Child,
    keyboard: Option<Keyboard>,
    screen: Arc<Screen>,
    readers: Vec<JoinHandle<()>>,
    /// How much of standard output, and of standard error, earlier expectations have used up.
    seen: [usize; 2],
    /// By which everything that the program starts is known: [`Terminal::start_apart`].
    mark: Option<String>,
    /// How the program ended, once that is known.
    status: Option<ExitStatus>,
}

/// Where lines are typed. A thread writes them, so that a program that does not read cannot stop us.
struct Keyboard {
    lines: mpsc::Sender<Vec<u8>>,
    written: mpsc::Receiver<io::Result<()>>,
}

/// How a program ended, and all that it printed.
#[derive(Clone, Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
}

/// Why a wait for a program was in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The time is up.
    Late,
    /// The program closed that stream without printing it; mostly it has ended.
    Closed,
    /// The program printed more than it may: [`Terminal::limit_output`].
    TooMuch,
}

/// Standard output or standard error: an index into [`Printed::streams`].
const OUTPUT: usize = 0;
const ERRORS: usize = 1;

struct Screen {
    printed: Mutex<Printed>,
    changed: Condvar,
}

struct Printed {
    streams: [Vec<u8>; 2],
    closed: [bool; 2],
    /// How many bytes a stream may bring in all.
    limit: usize,
    /// Whether a stream brought more. The rest is read and thrown away.
    too_much: bool,
    /// Everything in the order in which it happened: `|` printed, `!` printed as an error, `>` typed.
    history: Vec<(char, Vec<u8>)>,
}

impl Terminal {
    /// Starts the command with its three standard streams in our hands. Call it from the test's own
    /// thread: on Linux the program also ends with that thread.
    pub fn start(command: Command) -> Self {
        Self::start_printing_to(command, Stdio::piped())
    }

    /// [`start`](Self::start), with a standard output of the test's choice: a closed pipe, a full disk.
    pub fn start_printing_to(command: Command, output: Stdio) -> Self {
        Self::spawn(command, output, None)
    }

    /// [`start`](Self::start), for a program that nobody knows. It is ended together with what it
    /// started: on Unix its process group, of which it is the first, as soon as it has ended itself; on
    /// Linux also what left the group, by a variable that it inherits. What still holds its output open
    /// then is not waited for.
    pub fn start_apart(mut command: Command) -> Self {
        let mark = new_mark();
        command.env(MARK, &mark);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Self::spawn(command, Stdio::piped(), Some(mark))
    }

    fn spawn(mut command: Command, output: Stdio, mark: Option<String>) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
        command.stdin(Stdio::piped()).stdout(output).stderr(Stdio::piped());
        prepare_to_end(&mut command);
        let mut spawn =
            || command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let mut child = match mark {
            None => spawn(),
            // Whoever ends all has to find it.
            Some(_) => {
                let mut apart = apart();
                let child = spawn();
                apart.push(child.id());
                child
            }
        };
        let screen = Arc::new(Screen::new());
        let mut readers = Vec::new();
        match child.stdout.take() {
            Some(output) => readers.push(collect(output, OUTPUT, &screen)),
            None => screen.printed().closed[OUTPUT] = true,
        }
        readers.extend(child.stderr.take().map(|errors| collect(errors, ERRORS, &screen)));
        let keyboard = child.stdin.take().map(Keyboard::new);
        Self { name, child, keyboard, screen, readers, seen: [0; 2], mark, status: None }
    }

    /// From now on the program is shown under this name, and not under that of its command.
    pub fn rename(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// Waits for `text` on standard output, behind what was expected before: all that came up to its
    /// end.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.expect_on(OUTPUT, text)
    }

    /// [`expect`](Self::expect), on standard error.
    #[track_caller]
    pub fn expect_error(&mut self, text: &str) -> String {
        self.expect_on(ERRORS, text)
    }

    /// The next line on standard output, without its ending.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = self.expect("\n");
        line.pop();
        line
    }

    /// The address in the ready line, which must be the next line: `listening on 127.0.0.1:40123`.
    #[track_caller]
    pub fn listening(&mut self) -> SocketAddr {
        let line = self.line();
        let address = line.strip_prefix("listening on ").and_then(|address| address.parse().ok());
        address.unwrap_or_else(|| panic!("no ready line: {line:?}"))
    }

    /// Types a line and Enter.
    #[track_caller]
    pub fn type_line(&mut self, line: impl AsRef<[u8]>) {
        // A program that has ended reads no more; what it printed says why.
        if let Err(error) = self.try_type_line(line) {
            panic!("{} does not read what is typed: {error}", self.name);
        }
    }

    /// [`type_line`](Self::type_line).
    ///
    /// # Errors
    /// The program has closed its standard input; mostly it has ended. Or it does not read, and there is
    /// no room for more.
    pub fn try_type_line(&mut self, line: impl AsRef<[u8]>) -> io::Result<()> {
        let mut line = line.as_ref().to_vec();
        line.push(b'\n');
        self.printed().history.push(('>', line.clone()));
        let patience = if self.mark.is_some() { PATIENCE_APART } else { PATIENCE };
        let keyboard = self.keyboard.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        keyboard.lines.send(line).map_err(|_| io::ErrorKind::BrokenPipe)?;
        match keyboard.written.recv_timeout(patience) {
            Ok(written) => written,
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                self.keyboard = None;
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }

    /// Ends the program's input: Ctrl-D.
    pub fn end_input(&mut self) {
        self.keyboard = None;
    }

    /// The number of the process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program has ended by itself.
    #[track_caller]
    pub fn wait(&mut self) -> Ended {
        let waited = self.try_wait(PATIENCE);
        waited.unwrap_or_else(|why| panic!("{} does not end: {why:?}", self.name))
    }

    /// [`wait`](Self::wait), for `patience` at most.
    ///
    /// # Errors
    /// It still runs, or prints too much.
    pub fn try_wait(&mut self, patience: Duration) -> Result<Ended, Missing> {
        let deadline = Instant::now() + patience;
        let mut ended_at = None;
        loop {
            let status = self.ended();
            if status.is_some() && ended_at.is_none() {
                ended_at = Some(Instant::now());
            }
            let printed = self.screen.printed();
            let closed = printed.closed.iter().all(|&closed| closed);
            // Who ended cannot print more; what it left behind may hold the streams open for ever.
            let left_open =
                self.mark.is_some() && ended_at.is_some_and(|at| at.elapsed() >= BRIEFLY);
            if let Some(status) = status
                && (closed || left_open)
            {
                let [output, errors] = &printed.streams;
                let [output, errors] =
                    [output, errors].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
                return Ok(Ended { status, output, errors });
            }
            if printed.too_much && !closed {
                return Err(Missing::TooMuch);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Missing::Late);
            }
            // The end of a process wakes nobody here.
            if closed {
                drop(printed);
                thread::park_timeout(left.min(Duration::from_millis(1)));
            } else {
                drop(self.screen.wait(printed, left.min(GLANCE)));
            }
        }
    }

    /// Waits until the program has ended by itself, and asserts its exit status.
    #[track_caller]
    pub fn ends_with(&mut self, code: i32) -> Ended {
        let ended = self.wait();
        assert_eq!(ended.status.code(), Some(code), "exit status of {}: {ended:#?}", self.name);
        ended
    }

    /// Whether the program is still running.
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// Sends SIGINT, as Ctrl-C does.
    #[cfg(unix)]
    pub fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Sends SIGTERM, as `kill` does.
    #[cfg(unix)]
    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Stops the program, as Ctrl-Z does, and lets it go on, as `fg` does.
    #[cfg(target_os = "linux")]
    pub fn stop_and_go_on(&self) {
        self.signal(rustix::process::Signal::STOP);
        let path = format!("/proc/{}/stat", self.child.id());
        let stopped = || std::fs::read_to_string(&path).is_ok_and(|stat| stat.contains(") T "));
        let deadline = Instant::now() + PATIENCE;
        while !stopped() {
            assert!(Instant::now() < deadline, "{} cannot be stopped", self.name);
            thread::yield_now();
        }
        self.signal(rustix::process::Signal::CONT);
    }

    /// Sends SIGQUIT, as Ctrl-\\ does.
    #[cfg(unix)]
    pub fn quit(&self) {
        self.signal(rustix::process::Signal::QUIT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).expect("our own child can be signalled");
    }

    /// Kills the program (SIGKILL on Unix) and reaps it; and when it was started
    /// [apart](Self::start_apart), what it started.
    pub fn kill(&mut self) {
        if self.status.is_none() {
            if self.mark.is_some() {
                kill_group(self.child.id());
            }
            let _ = self.child.kill();
            self.status = self.child.wait().ok();
            self.forget();
        }
        if let Some(mark) = &self.mark {
            kill_marked(&format!("{mark}\0"));
        }
    }

    /// How the program ended, if it has.
    fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child can be asked");
            if self.status.is_some() && self.mark.is_some() {
                // At once: as long as somebody is left in the group, its number is nobody else's.
                kill_group(self.child.id());
                self.forget();
            }
        }
        self.status
    }

    /// Nobody has to end it any more.
    fn forget(&self) {
        let process = self.child.id();
        apart().retain(|it| *it != process);
    }

    /// All that the program has printed so far on standard output, as bytes.
    pub fn output(&self) -> Vec<u8> {
        self.printed().streams[OUTPUT].clone()
    }

    /// All that the program has printed so far on standard error, as bytes.
    pub fn errors(&self) -> Vec<u8> {
        self.printed().streams[ERRORS].clone()
    }

    /// The most memory that the program ever had resident, in KiB.
    #[cfg(target_os = "linux")]
    pub fn peak_memory(&self) -> u64 {
        peak_memory(self.child.id()).expect("a running program has a status")
    }

    /// [`expect`](Self::expect), waiting for `patience` at most.
    ///
    /// # Errors
    /// It did not come, and why. What was printed instead stays unseen.
    pub fn try_expect(&mut self, text: &str, patience: Duration) -> Result<String, Missing> {
        self.wait_for(OUTPUT, text, patience)
    }

    /// [`expect_error`](Self::expect_error), waiting for `patience` at most.
    ///
    /// # Errors
    /// As [`try_expect`](Self::try_expect).
    pub fn try_expect_error(&mut self, text: &str, patience: Duration) -> Result<String, Missing> {
        self.wait_for(ERRORS, text, patience)
    }

    /// Waits until nothing more is printed for this time, at most ten times as long: what was printed a
    /// moment ago may still be on its way.
    pub fn until_quiet(&self, time: Duration) {
        let longest = Instant::now() + 10 * time;
        let mut printed = self.printed();
        let mut quiet_at = Instant::now() + time;
        while !printed.closed.iter().all(|&closed| closed) {
            let before = printed.streams.each_ref().map(Vec::len);
            let left = quiet_at.min(longest).saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            printed = self.screen.wait(printed, left);
            if printed.streams.each_ref().map(Vec::len) != before {
                quiet_at = Instant::now() + time;
            }
        }
    }

    /// From now on what exceeds this many bytes, on standard output or on standard error, is read and
    /// thrown away, and whoever waits is told [`Missing::TooMuch`].
    pub fn limit_output(&self, bytes: usize) {
        self.printed().limit = bytes;
    }

    /// Whether the program printed more than [`limit_output`](Self::limit_output) allows.
    pub fn printed_too_much(&self) -> bool {
        self.printed().too_much
    }

    #[track_caller]
    fn expect_on(&mut self, stream: usize, text: &str) -> String {
        self.wait_for(stream, text, PATIENCE).unwrap_or_else(|missing| {
            let why = match missing {
                Missing::Late => "did not print in time",
                Missing::Closed => "ended without printing",
                Missing::TooMuch => "printed too much, without",
            };
            let unseen =
                String::from_utf8_lossy(&self.printed().streams[stream][self.seen[stream]..])
                    .into_owned();
            panic!("{} {why}\n  expected: {text:?}\n      came: {unseen:?}", self.name)
        })
    }

    fn wait_for(
        &mut self,
        stream: usize,
        text: &str,
        patience: Duration,
    ) -> Result<String, Missing> {
        let deadline = Instant::now() + patience;
        let mut printed = self.screen.printed();
        // How much of what is unseen has been searched in vain already.
        let mut searched = 0;
        loop {
            let unseen = &printed.streams[stream][self.seen[stream]..];
            if let Some(at) = find(&unseen[searched..], text.as_bytes()) {
                let end = searched + at + text.len();
                self.seen[stream] += end;
                return Ok(String::from_utf8_lossy(&unseen[..end]).into_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if printed.too_much {
                return Err(Missing::TooMuch);
            }
            if printed.closed[stream] {
                return Err(Missing::Closed);
            }
            if left.is_zero() {
                return Err(Missing::Late);
            }
            searched = unseen.len().saturating_sub(text.len());
            printed = self.screen.wait(printed, left);
        }
    }

    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.screen.printed()
    }

    /// What stood on the terminal: each line behind `|` when it was printed, `!` when it was printed as
    /// an error, `>` when it was typed; the last 60 lines.
    pub fn transcript(&self) -> String {
        let (skipped, lines) = self.last_lines(60);
        let mut shown = String::new();
        if skipped > 0 {
            let _ = writeln!(shown, "{}: ({skipped} lines before these)", self.name);
        }
        for (mark, line) in lines {
            let _ = writeln!(shown, "{}{mark} {line}", self.name);
        }
        shown
    }

    /// The last lines that stood on the terminal, `most` of them, escaped, with the marks of a
    /// [`transcript`](Self::transcript); and how many came before. Of a line that is longer than 500
    /// bytes the start.
    pub fn last_lines(&self, most: usize) -> (usize, Vec<(char, String)>) {
        let printed = self.printed();
        let (mut skipped, mut lines) = (0, Vec::new());
        for (mark, bytes) in printed.history.iter().rev() {
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            for line in bytes.rsplit(|byte| *byte == b'\n') {
                if lines.len() == most {
                    skipped += 1;
                } else {
                    lines.push((*mark, shown(line)));
                }
            }
        }
        lines.reverse();
        (skipped, lines)
    }
}

/// A line for the eyes: what could drive a terminal is escaped.
fn shown(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let start = &line[..line.len().min(500)];
    let mut shown = String::new();
    for c in String::from_utf8_lossy(start).chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            _ => shown.extend(c.escape_debug()),
        }
    }
    if start.len() < line.len() {
        shown.push('…');
    }
    shown
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.kill();
        let left_open = self.mark.is_some() && !self.screen.closes_within(BRIEFLY);
        for reader in self.readers.drain(..) {
            if !left_open {
                let _ = reader.join();
            }
        }
        if thread::panicking() {
            eprint!("{}", self.transcript());
        }
    }
}

impl Screen {
    fn new() -> Self {
        let printed = Printed {
            streams: Default::default(),
            closed: [false; 2],
            limit: usize::MAX,
            too_much: false,
            history: Vec::new(),
        };
        Self { printed: Mutex::new(printed), changed: Condvar::new() }
    }

    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether both streams end within this time.
    fn closes_within(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut printed = self.printed();
        while !printed.closed.iter().all(|&closed| closed) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            printed = self.wait(printed, left);
        }
        true
    }

    fn wait<'a>(
        &self,
        printed: MutexGuard<'a, Printed>,
        left: Duration,
    ) -> MutexGuard<'a, Printed> {
        self.changed.wait_timeout(printed, left).unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Keyboard {
    fn new(mut input: ChildStdin) -> Self {
        let (lines, typed) = mpsc::channel::<Vec<u8>>();
        let (done, written) = mpsc::channel();
        thread::spawn(move || {
            for line in typed {
                let result = input.write_all(&line).and_then(|()| input.flush());
                if done.send(result).is_err() {
                    return;
                }
            }
        });
        Self { lines, written }
    }
}

/// How long it is waited for that a program apart reads what is typed.
const PATIENCE_APART: Duration = Duration::from_secs(4);

/// How often somebody who waits for two things looks at the second.
const GLANCE: Duration = Duration::from_millis(20);

/// The variable by which everything is known that a program apart started.
const MARK: &str = "SOCKETS_STARTED_BY";

/// The programs [apart](Terminal::start_apart) that may still run.
static APART: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn apart() -> MutexGuard<'static, Vec<u32>> {
    APART.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mark that no other program has: it begins with the number of this process.
fn new_mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Kills every program that this process started [apart](Terminal::start_apart) and that still runs.
/// Whoever waits for one of them sees that it has ended. Windows needs none of this for Ctrl-C, which
/// reaches all programs of a console there, and here it does nothing.
pub fn end_all_apart() {
    for process in &*apart() {
        kill_group(*process);
    }
    kill_marked(&format!("{}.", std::process::id()));
}

#[cfg(unix)]
fn kill_group(leader: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
        // An error: nobody is left.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_: u32) {}

/// Kills what has inherited a mark that begins so.
#[cfg(target_os = "linux")]
fn kill_marked(mark: &str) {
    use rustix::process::{Pid, Signal, kill_process};
    let variable = format!("{MARK}={mark}");
    // Who forks while we look is found when we look again. That is bounded: who forks faster than this
    // cannot be caught from outside.
    for _ in 0..20 {
        let Ok(processes) = std::fs::read_dir("/proc") else { return };
        let mut found = false;
        for process in processes.flatten() {
            let number = process.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(process_id) = number.and_then(Pid::from_raw) else { continue };
            let Ok(environment) = std::fs::read(process.path().join("environ")) else { continue };
            let mut variables = environment.split_inclusive(|byte| *byte == 0);
            if variables.any(|it| it.starts_with(variable.as_bytes())) {
                found |= kill_process(process_id, Signal::KILL).is_ok();
            }
        }
        if !found {
            return;
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn kill_marked(_: &str) {}

/// Reads a stream to its end in a thread of its own, so that the program never waits for us to read.
fn collect(
    mut from: impl Read + Send + 'static,
    stream: usize,
    screen: &Arc<Screen>,
) -> JoinHandle<()> {
    let screen = screen.clone();
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let mut printed = screen.printed();
            let room = printed.limit.saturating_sub(printed.streams[stream].len());
            printed.too_much |= length > room;
            let piece = &buffer[..length.min(room)];
            if piece.is_empty() {
                // Who prints without end, now here, now there, is not remembered without end.
                screen.changed.notify_all();
                continue;
            }
            printed.streams[stream].extend_from_slice(piece);
            let mark = if stream == OUTPUT { '|' } else { '!' };
            match printed.history.last_mut() {
                Some((last, bytes)) if *last == mark => bytes.extend_from_slice(piece),
                _ => printed.history.push((mark, piece.to_vec())),
            }
            screen.changed.notify_all();
        }
        screen.printed().closed[stream] = true;
        screen.changed.notify_all();
    })
}

/// Where `text` begins in `bytes`.
fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

/// Asserts that nothing in these bytes could drive a terminal: they are UTF-8 without a control
/// character but the line ending and without marks that turn the direction of writing.
#[track_caller]
pub fn assert_harmless(printed: &[u8]) {
    let text = std::str::from_utf8(printed).or_else(|error| match error.error_len() {
        // A program that goes on printing was looked at in the middle of a character.
        None => Ok(std::str::from_utf8(&printed[..error.valid_up_to()]).unwrap_or_default()),
        Some(_) => Err(error),
    });
    let text = text.expect("what is printed is UTF-8");
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}'];
    let acts = |c: char| {
        let turns = turns.contains(&c) || ('\u{202a}'..='\u{202e}').contains(&c);
        let separates = c == '\u{2028}' || c == '\u{2029}';
        c.is_control() || turns || separates || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    if let Some(line) = text.split('\n').find(|line| line.contains(acts)) {
        panic!("printed raw: {line:?}");
    }
}

/// Lets Ctrl-C end the program, also where whoever started the tests ignores it, as a shell does for
/// what it starts in the background; and on Linux lets the system kill the program when the thread that
/// starts it ends: also a test that is itself killed leaves nothing behind.
pub fn prepare_to_end(command: &mut Command) {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let prepare = || {
            // SAFETY: the default action replaces whatever was inherited, and no handler is involved.
            if unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) } == libc::SIG_ERR {
                return Err(std::io::Error::last_os_error());
            }
            #[cfg(target_os = "linux")]
            {
                use rustix::process::{Signal, set_parent_process_death_signal};
                set_parent_process_death_signal(Some(Signal::KILL))?;
            }
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made, and no memory is allocated.
        unsafe { command.pre_exec(prepare) };
    }
    #[cfg(not(unix))]
    let _ = command;
}

/// The most memory that a process ever had resident, in KiB (VmHWM of proc(5)); `None` once it has
/// ended.
#[cfg(target_os = "linux")]
pub fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}
