//! Where a program is tried: it runs in a terminal, bare sockets speak to it, and all that happens is
//! written down, so that a learner can be told the story.
//!
//! Nothing here panics on what a program does: whatever it is, it is a [`Broken`] promise.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sockets_by_example::stream::is_timeout;
use sockets_by_example::text::printable;
use support::{Ended, Missing, Terminal, own_ip};

use crate::check::{Broken, Outcome};

/// How long something that must come is waited for.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// How long something that must not come is waited for.
pub const BRIEFLY: Duration = support::BRIEFLY;

/// How long the check of one promise may take in all. Every wait ends with it.
pub const LONGEST: Duration = Duration::from_secs(30);

/// How many bytes a program may print on standard output, and on standard error.
pub const MOST_PRINTED: usize = 1 << 20;

/// How many datagrams and pieces of streams the check of one promise takes, and how many bytes in them.
pub const MOST_RECEIVED: (usize, usize) = (10_000, 256 << 20);

/// How many steps of a check are kept. A check that does more is told without those in the middle.
const MOST_STEPS: usize = 2000;

/// How many lines of a screen are kept: the last.
const MOST_LINES: usize = 200;

/// A program that is checked: how it is started.
#[derive(Clone)]
pub struct Subject {
    /// What its learner calls it: `07-exercise`.
    pub name: String,
    /// The command that starts it, which may run in this folder alone and write only there.
    pub command: Arc<dyn Fn(&Path) -> Command + Send + Sync>,
}

impl Subject {
    /// A program that is started as it is.
    pub fn plain(name: &str, program: PathBuf) -> Self {
        Self { name: name.to_owned(), command: Arc::new(move |_| Command::new(&program)) }
    }
}

/// What one promise is checked with. Whatever was started here has ended when it goes out of scope.
pub struct Stage(Rc<Scene>);

struct Scene {
    subject: Arc<Subject>,
    /// An empty folder; the programs run in it.
    folder: tempfile::TempDir,
    deadline: Instant,
    steps: RefCell<Vec<String>>,
    /// As [`MOST_RECEIVED`].
    received: Cell<(usize, usize)>,
    programs: RefCell<Vec<Running>>,
}

struct Running {
    name: String,
    terminal: Terminal,
}

/// A program on a stage.
#[derive(Clone)]
pub struct Program {
    scene: Rc<Scene>,
    /// Which of the scene's programs.
    index: usize,
}

/// A datagram socket of the check's own, with the name by which the learner is told of it.
pub struct Peer {
    scene: Rc<Scene>,
    name: String,
    socket: UdpSocket,
}

/// One end of a TCP connection, the check's own, with the name by which the learner is told of it.
pub struct Connection {
    scene: Rc<Scene>,
    name: String,
    stream: TcpStream,
    address: SocketAddr,
}

/// A datagram that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    pub payload: Vec<u8>,
    pub from: SocketAddr,
}

impl Datagram {
    /// The payload for a sentence: [`quoted`].
    pub fn quoted(&self) -> String {
        quoted(&self.payload)
    }
}

impl Stage {
    pub(crate) fn new(subject: Arc<Subject>) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files can be made");
        Self(Rc::new(Scene {
            subject,
            folder,
            deadline: Instant::now() + LONGEST,
            steps: RefCell::default(),
            received: Cell::default(),
            programs: RefCell::default(),
        }))
    }

    /// Runs the check of a promise, and says what it found.
    pub(crate) fn play(mut self, check: fn(&mut Self) -> Outcome) -> Outcome {
        let outcome = check(&mut self);
        // A program that keeps its promise and prints without end breaks it all the same.
        let flood = self.0.programs.borrow().iter().any(|it| it.terminal.printed_too_much());
        match outcome {
            Ok(()) if flood => Err(self.broken("a few lines on the screen", too_much())),
            Err(mut broken) if self.0.is_flooded() => {
                let (pieces, bytes) = self.0.received.get();
                broken.came = format!(
                    "no end: {pieces} datagrams or pieces of a stream with {bytes} bytes; after these \
                     nothing more was taken"
                );
                Err(broken)
            }
            Ok(()) if self.0.is_flooded() => {
                let (pieces, _) = self.0.received.get();
                Err(self.broken("a few datagrams", format!("no end: {pieces} of them")))
            }
            // Without time, that nothing came means nothing.
            Ok(()) if Instant::now() >= self.0.deadline => {
                let came = format!("it took longer than {} s", LONGEST.as_secs());
                Err(self.broken("an answer in time, each time", came))
            }
            outcome => outcome,
        }
    }

    /// Starts the program that is checked. A `{}` in an argument is no place holder.
    pub fn start<A: AsRef<str>>(&self, arguments: &[A]) -> Result<Program, Broken> {
        let scene = &self.0;
        let mut command = (scene.subject.command)(scene.folder.path());
        command.current_dir(scene.folder.path());
        command.args(arguments.iter().map(AsRef::as_ref));
        // A learner is told what went wrong, not where in the standard library.
        command.env("RUST_BACKTRACE", "0").env("RUST_LIB_BACKTRACE", "0");
        let mut shown = scene.subject.name.clone();
        for argument in arguments.iter().map(AsRef::as_ref) {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:[]".contains(c);
            match !argument.is_empty() && argument.chars().all(plain) {
                true => drop(write!(shown, " {argument}")),
                false => drop(write!(shown, " \"{}\"", printable(argument))),
            }
        }
        let mut programs = scene.programs.borrow_mut();
        let name = match programs.len() {
            0 => "your program".to_owned(),
            before => format!("your program ({})", before + 1),
        };
        let number =
            if programs.is_empty() { String::new() } else { format!(" ({})", programs.len() + 1) };
        scene.step(format!("started{number}: {shown}"));
        let mut terminal = Terminal::start_apart(command);
        // What is started may be what starts it, apart.
        terminal.rename(&scene.subject.name);
        terminal.limit_output(MOST_PRINTED);
        programs.push(Running { name, terminal });
        let index = programs.len() - 1;
        drop(programs);
        Ok(Program { scene: scene.clone(), index })
    }

    /// A datagram socket on a loopback address and a free port of its own.
    pub fn peer(&self, name: &str) -> Result<Peer, Broken> {
        self.peer_on(name, SocketAddr::new(IpAddr::V4(own_ip()), 0))
    }

    /// A datagram socket on this address.
    pub fn peer_on(&self, name: &str, address: SocketAddr) -> Result<Peer, Broken> {
        match UdpSocket::bind(address) {
            Ok(socket) => Ok(self.peer_with(name, socket)),
            Err(error) => Err(self.broken(&format!("to bind {address}"), error.to_string())),
        }
    }

    /// A peer with a socket that the check made itself.
    pub fn peer_with(&self, name: &str, socket: UdpSocket) -> Peer {
        Peer { scene: self.0.clone(), name: name.to_owned(), socket }
    }

    /// A TCP connection to the program.
    pub fn connect(&self, name: &str, to: SocketAddr) -> Result<Connection, Broken> {
        self.0.step(format!("{name} connected to {to}"));
        match TcpStream::connect_timeout(&to, self.0.left()) {
            Ok(stream) => Ok(self.connection_with(name, stream)),
            Err(error) => Err(self.broken("the connection is accepted", error.to_string())),
        }
    }

    /// The next connection that the program makes to this listener.
    pub fn accept(&self, name: &str, listener: &TcpListener) -> Result<Connection, Broken> {
        let left = self.0.left();
        let deadline = Instant::now() + left;
        listener.set_nonblocking(true).expect("a listener can be asked without a wait");
        loop {
            // Asked before the accept: what was connected before the end is still there.
            let ended = self.0.ended();
            let late = Instant::now() >= deadline;
            match listener.accept() {
                Ok((stream, from)) => {
                    stream.set_nonblocking(false).expect("a stream can wait");
                    self.0.step(format!("{from} connected to {name}"));
                    return Ok(self.connection_with(name, stream));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(self.broken("a connection", error.to_string())),
            }
            if let Some(ended) = ended {
                return Err(self.broken(&format!("a connection to {name}"), ended));
            }
            if late {
                return Err(self.broken(&format!("a connection to {name}"), nothing(left)));
            }
            std::thread::park_timeout(GLANCE);
        }
    }

    /// A connection with a stream that the check made itself.
    pub fn connection_with(&self, name: &str, stream: TcpStream) -> Connection {
        // macOS no longer knows it when the program has reset the connection.
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let address = stream.local_addr().unwrap_or(unknown);
        Connection { scene: self.0.clone(), name: name.to_owned(), stream, address }
    }

    /// The folder in which the programs run; empty at first.
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// Writes down what the check did, for the learner: `made the file a.bin of 3000 bytes`.
    pub fn step(&self, what: impl Into<String>) {
        self.0.step(what.into());
    }

    /// A promise that is broken here: what was to come, and what came.
    pub fn broken(&self, expected: &str, came: impl Into<String>) -> Broken {
        self.0.broken(expected, came.into())
    }

    /// Goes on when `kept`.
    ///
    /// # Errors
    /// The promise is broken: what was to come, and what came.
    pub fn require(
        &self,
        kept: bool,
        expected: &str,
        came: impl Into<String>,
    ) -> Result<(), Broken> {
        if kept { Ok(()) } else { Err(self.broken(expected, came)) }
    }
}

/// How often somebody who waits for two things looks at the second.
const GLANCE: Duration = Duration::from_millis(20);

impl Scene {
    fn step(&self, what: String) {
        let mut steps = self.steps.borrow_mut();
        steps.push(what);
        if steps.len() > MOST_STEPS {
            steps.splice(MOST_STEPS / 4..MOST_STEPS / 2, ["(and so on)".to_owned()]);
        }
    }

    /// Counts what was received.
    fn count(&self, bytes: usize) {
        let (pieces, before) = self.received.get();
        self.received.set((pieces + 1, before + bytes));
    }

    /// Whether more was received than any right program sends.
    fn is_flooded(&self) -> bool {
        let (pieces, bytes) = self.received.get();
        pieces >= MOST_RECEIVED.0 || bytes >= MOST_RECEIVED.1
    }

    /// When a wait for this time ends. There is none when the check is flooded or its time is up, so that
    /// whoever takes all that comes comes to an end.
    fn end_of(&self, time: Duration) -> Option<Instant> {
        let now = Instant::now();
        (now < self.deadline && !self.is_flooded()).then(|| self.deadline.min(now + time))
    }

    /// How long a wait for something that must come may take now.
    fn left(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // A connect with no time at all is an error of its own.
        left.min(PATIENCE).max(Duration::from_millis(1))
    }

    fn broken(&self, expected: &str, came: String) -> Broken {
        let mut came = came;
        let mut screens = Vec::new();
        for running in &mut *self.programs.borrow_mut() {
            running.terminal.until_quiet(GLANCE);
            let errors = String::from_utf8_lossy(&running.terminal.errors()).into_owned();
            if let Some(message) = panic_message(&errors) {
                let _ = write!(came, "\n{} panicked: {message}", running.name);
            }
            // Whoever reads from a connection saw its end, and not why.
            if running.terminal.printed_too_much() && !came.contains(&too_much()) {
                let _ = write!(came, "\n{} printed {}", running.name, too_much());
            }
            let mut screen = String::new();
            for (mark, line) in running.terminal.last_lines(MOST_LINES).1 {
                // What a panic says besides its message helps nobody here.
                if mark == '!' && (line.is_empty() || line.starts_with("note: run with `RUST_")) {
                    continue;
                }
                let _ = writeln!(screen, "{mark} {line}");
            }
            screens.push((running.name.clone(), screen));
        }
        let steps = self.steps.borrow().clone();
        Broken { expected: expected.to_owned(), came, steps, screens }
    }

    /// That one of the programs has ended by itself or printed too much, so that nothing more is to be
    /// waited for.
    fn ended(&self) -> Option<String> {
        let mut programs = self.programs.borrow_mut();
        let all_ended = programs.iter_mut().all(|it| !it.terminal.is_running());
        if let Some(flood) = programs.iter_mut().find(|it| it.terminal.printed_too_much()) {
            flood.terminal.kill();
            return Some(too_much());
        }
        match programs.first_mut() {
            Some(first) if all_ended => {
                let ended = first.terminal.try_wait(BRIEFLY).ok()?;
                Some(format!("nothing: {} {}", first.name, how_it_ended(&ended)))
            }
            _ => None,
        }
    }
}

impl Program {
    /// The address in the ready line, `listening on 127.0.0.1:40123`, which is one of the loopback. Lines
    /// of the learner's own may come before.
    pub fn listening(&self) -> Result<SocketAddr, Broken> {
        const READY: &str = "listening on ";
        let expected = "the ready line, `listening on 127.0.0.1:…`";
        let line = self.line(expected, |line| line.starts_with(READY))?;
        match line[READY.len()..].parse::<SocketAddr>() {
            // What a check sends goes there, and is to leave no machine.
            Ok(address) if address.ip().is_loopback() => Ok(address),
            _ => Err(self.scene.broken(expected, format!("the line {}", quoted(&line)))),
        }
    }

    /// The next line on standard output that `fits`, and with it all lines before are seen. `expected`
    /// tells the learner what is waited for: `a line that shows "hello"`.
    pub fn line(&self, expected: &str, fits: impl Fn(&str) -> bool) -> Result<String, Broken> {
        let deadline = Instant::now() + self.scene.left();
        loop {
            let line = self.wait(expected, |terminal, _| {
                terminal.try_expect("\n", deadline.saturating_duration_since(Instant::now()))
            })?;
            let line = line.trim_end_matches(['\n', '\r']);
            if fits(line) {
                return Ok(line.to_owned());
            }
            if self.with(|terminal| terminal.printed_too_much()) {
                self.with(Terminal::kill);
                return Err(self.scene.broken(expected, too_much()));
            }
        }
    }

    /// The next line on standard error that `fits`: as [`line`](Self::line).
    pub fn error_line(
        &self,
        expected: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<String, Broken> {
        let deadline = Instant::now() + self.scene.left();
        loop {
            let line = self.wait(expected, |terminal, _| {
                terminal.try_expect_error("\n", deadline.saturating_duration_since(Instant::now()))
            })?;
            let line = line.trim_end_matches(['\n', '\r']);
            if fits(line) {
                return Ok(line.to_owned());
            }
        }
    }

    /// Waits for this text on standard output, behind what was expected before.
    pub fn expect(&self, text: &str) -> Result<String, Broken> {
        let expected = format!("{} on the screen", quoted(text));
        self.wait(&expected, |terminal, left| terminal.try_expect(text, left))
    }

    /// Waits for this text on standard error, behind what was expected before.
    pub fn expect_error(&self, text: &str) -> Result<String, Broken> {
        let expected = format!("{} on standard error", quoted(text));
        self.wait(&expected, |terminal, left| terminal.try_expect_error(text, left))
    }

    /// Types a line and Enter.
    pub fn type_line(&self, line: &str) -> Result<(), Broken> {
        self.scene.step(format!("typed {}{}", quoted(line), self.of()));
        let typed = self.with(|terminal| terminal.try_type_line(line));
        match typed {
            Ok(()) => Ok(()),
            Err(_) => {
                // Mostly it is just ending.
                let _ = self.with(|terminal| terminal.try_wait(BRIEFLY));
                let came = self.scene.ended().unwrap_or_else(|| "it does not read it".to_owned());
                Err(self.scene.broken("the program reads what is typed", came))
            }
        }
    }

    /// Ends the program's input: Ctrl-D.
    pub fn end_input(&self) {
        self.scene.step(format!("ended the input{} (Ctrl-D)", self.of()));
        self.with(Terminal::end_input);
    }

    /// Waits until the program has ended by itself. `when` completes "the program ends …".
    pub fn ends(&self, when: &str) -> Result<Ended, Broken> {
        let expected = format!("the program ends {when}");
        self.wait_or(&expected, "it still runs after", |terminal, left| terminal.try_wait(left))
    }

    /// Waits until the program has ended by itself, with this exit status.
    pub fn ends_with(&self, code: i32, when: &str) -> Result<Ended, Broken> {
        let ended = self.ends(when)?;
        if ended.status.code() == Some(code) {
            return Ok(ended);
        }
        let expected = format!("the program ends {when}, with exit status {code}");
        Err(self.scene.broken(&expected, format!("it {}", how_it_ended(&ended))))
    }

    /// Kills the program, as a crash or a power cut would.
    pub fn kill(&self) {
        self.scene.step(format!("killed the program{}", self.of()));
        self.with(Terminal::kill);
    }

    /// Whether the program is still running.
    pub fn is_running(&self) -> bool {
        self.with(Terminal::is_running)
    }

    /// All that the program has printed so far on standard output.
    pub fn output(&self) -> String {
        self.with(|terminal| String::from_utf8_lossy(&terminal.output()).into_owned())
    }

    /// All that the program has printed so far on standard error.
    pub fn errors(&self) -> String {
        self.with(|terminal| String::from_utf8_lossy(&terminal.errors()).into_owned())
    }

    /// ` (2)` when the check started more than one.
    fn of(&self) -> String {
        match self.scene.programs.borrow().len() {
            1 => String::new(),
            _ => format!(" of program ({})", self.index + 1),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Terminal) -> T) -> T {
        act(&mut self.scene.programs.borrow_mut()[self.index].terminal)
    }

    fn wait<T>(
        &self,
        expected: &str,
        wait: impl FnOnce(&mut Terminal, Duration) -> Result<T, Missing>,
    ) -> Result<T, Broken> {
        self.wait_or(expected, "nothing of that within", wait)
    }

    /// `late` is what came when the time is over, up to the seconds.
    fn wait_or<T>(
        &self,
        expected: &str,
        late: &str,
        wait: impl FnOnce(&mut Terminal, Duration) -> Result<T, Missing>,
    ) -> Result<T, Broken> {
        let left = self.scene.left();
        let missing = match self.with(|terminal| wait(terminal, left)) {
            Ok(found) => return Ok(found),
            Err(missing) => missing,
        };
        let came = match missing {
            Missing::TooMuch => {
                self.with(Terminal::kill);
                too_much()
            }
            Missing::Closed => {
                // It closed its output, so it has ended or is about to.
                let ended = self.with(|terminal| terminal.try_wait(left));
                match ended {
                    Ok(ended) => format!("nothing of that: it {}", how_it_ended(&ended)),
                    Err(_) => "nothing of that: it closed its output".to_owned(),
                }
            }
            Missing::Late => match self.scene.ended() {
                Some(ended) => ended,
                None => format!("{late} {} s", left.as_secs_f64().round()),
            },
        };
        Err(self.scene.broken(expected, came))
    }
}

impl Peer {
    /// The address of its socket.
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket has an address")
    }

    /// Sends one datagram.
    pub fn send(&self, payload: impl AsRef<[u8]>, to: SocketAddr) -> Result<(), Broken> {
        let payload = payload.as_ref();
        self.scene.step(format!("{} sent {}", self.name, quoted(payload)));
        match self.socket.send_to(payload, to) {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(self.scene.broken(&format!("{to} can be sent to"), error.to_string()))
            }
        }
    }

    /// The next datagram. `expected` tells the learner what is waited for.
    pub fn receive(&self, expected: &str) -> Result<Datagram, Broken> {
        self.receive_timed(expected).map(|(datagram, _)| datagram)
    }

    /// [`receive`](Self::receive), and a moment before which the datagram was not sent: when the socket was
    /// looked at for the last time and nothing was there. `None` when it was there at the first look.
    pub fn receive_timed(&self, expected: &str) -> Result<(Datagram, Option<Instant>), Broken> {
        let left = self.scene.left();
        let deadline = Instant::now() + left;
        let mut empty = None;
        loop {
            // Asked before the wait: what was sent before the end is still there.
            let ended = self.scene.ended();
            let looked = Instant::now();
            let late = looked >= deadline;
            if let Some(datagram) = self.receive_within(GLANCE) {
                return Ok((datagram, empty));
            }
            empty = Some(looked);
            if let Some(ended) = ended {
                return Err(self.scene.broken(expected, ended));
            }
            if late || self.scene.is_flooded() {
                return Err(self.scene.broken(expected, nothing(left)));
            }
        }
    }

    /// The next datagram, which must be this.
    pub fn receive_exactly(&self, payload: impl AsRef<[u8]>) -> Result<Datagram, Broken> {
        let payload = payload.as_ref();
        let expected = format!("{} gets {}", self.name, quoted(payload));
        let datagram = self.receive(&expected)?;
        match datagram.payload == payload {
            true => Ok(datagram),
            false => Err(self.scene.broken(&expected, datagram.quoted())),
        }
    }

    /// The next datagram, if one comes within this time.
    pub fn receive_within(&self, limit: Duration) -> Option<Datagram> {
        let deadline = self.scene.end_of(limit)?;
        let mut buffer = vec![0; 65_535];
        loop {
            // Looked at once at least, also when this thread could not run for the whole time.
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = left.max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(wait)).expect("a socket takes a timeout");
            // An error is a timeout, a stopped process that goes on, or news of a datagram that found
            // nobody: the deadline decides.
            if let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
                buffer.truncate(length);
                let datagram = Datagram { payload: buffer, from };
                self.scene.count(length);
                self.scene.step(format!("{} got {}", self.name, datagram.quoted()));
                return Some(datagram);
            }
            if left.is_zero() {
                return None;
            }
        }
    }

    /// Goes on when nothing comes [`BRIEFLY`]. `expected` tells the learner why nothing is to come.
    pub fn nothing_comes(&self, expected: &str) -> Result<(), Broken> {
        self.nothing_comes_for(BRIEFLY, expected)
    }

    /// Goes on when nothing comes for this time.
    pub fn nothing_comes_for(&self, time: Duration, expected: &str) -> Result<(), Broken> {
        match self.receive_within(time) {
            None => Ok(()),
            Some(datagram) => {
                Err(self.scene.broken(expected, format!("{} got {}", self.name, datagram.quoted())))
            }
        }
    }
}

impl Connection {
    /// The address of this end.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes these bytes, in one piece.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Broken> {
        let bytes = bytes.as_ref();
        self.scene.step(format!("{} wrote {}", self.name, quoted(bytes)));
        let (mut rest, mut deadline) = (bytes, Instant::now() + self.scene.left());
        while !rest.is_empty() {
            // Tried once at least, also when this thread could not run for the whole time.
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = left.max(Duration::from_millis(1));
            // As for reading.
            let _ = self.stream.set_write_timeout(Some(wait));
            let why = match self.stream.write(rest) {
                Ok(length @ 1..) => {
                    rest = &rest[length..];
                    // Who reads slowly gets more time, until that of the check is up.
                    if Instant::now() < deadline {
                        deadline = Instant::now() + self.scene.left();
                    }
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if !is_timeout(&error) => error.to_string(),
                _ => format!("it does not read the last {} of {} bytes", rest.len(), bytes.len()),
            };
            let came = self.scene.ended().unwrap_or(why);
            let expected = format!("the program reads what {} writes", self.name);
            return Err(self.scene.broken(&expected, came));
        }
        Ok(())
    }

    /// Says that no more bytes come: a half-close.
    pub fn end_writing(&self) {
        self.scene.step(format!("{} ended its stream", self.name));
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// The next piece that arrives: empty at the end of the stream.
    pub fn read(&mut self, expected: &str) -> Result<Vec<u8>, Broken> {
        let piece = self.next_piece();
        let piece = piece.map_err(|missing| self.scene.broken(expected, missing))?;
        self.tell(&piece);
        Ok(piece)
    }

    /// Reads until all of these bytes came. What comes behind them in the same piece is an error.
    pub fn read_exactly(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Broken> {
        let bytes = bytes.as_ref();
        let expected = format!("{} gets {}", self.name, quoted(bytes));
        let mut got = Vec::new();
        while got.len() < bytes.len() {
            let piece = self.read(&expected)?;
            let ended = piece.is_empty();
            got.extend(piece);
            if ended || !bytes.starts_with(&got) {
                let end = if ended { ", then the end of the stream" } else { "" };
                return Err(self.scene.broken(&expected, format!("{}{end}", quoted(&got))));
            }
        }
        Ok(())
    }

    /// All bytes up to the end of the stream, at most `limit` of them. It is one step, however many
    /// pieces come.
    pub fn read_to_end(&mut self, limit: usize, expected: &str) -> Result<Vec<u8>, Broken> {
        let mut got = Vec::new();
        let came = loop {
            match self.next_piece() {
                Ok(piece) if piece.is_empty() => {
                    if !got.is_empty() {
                        self.tell(&got);
                    }
                    self.tell(&[]);
                    return Ok(got);
                }
                Ok(piece) => got.extend(piece),
                Err(missing) if got.is_empty() => break missing,
                Err(missing) => break format!("{} bytes, and then {missing}", got.len()),
            }
            if got.len() > limit {
                break format!("{} bytes, and more to come", got.len());
            }
        };
        Err(self.scene.broken(expected, came))
    }

    /// The next piece, if one comes within this time: empty at the end of the stream, which a reset
    /// counts as too.
    pub fn read_within(&mut self, limit: Duration) -> Option<Vec<u8>> {
        let piece = self.piece_within(limit)?;
        self.tell(&piece);
        Some(piece)
    }

    /// The next piece, or why none comes.
    fn next_piece(&mut self) -> Result<Vec<u8>, String> {
        let left = self.scene.left();
        let deadline = Instant::now() + left;
        loop {
            // Asked before the wait: what was sent before the end is still there, and what came in time
            // is, too, when this thread could not run for long.
            let ended = self.scene.ended();
            let late = Instant::now() >= deadline;
            if let Some(piece) = self.piece_within(GLANCE) {
                return Ok(piece);
            }
            if let Some(ended) = ended {
                return Err(ended);
            }
            if late || self.scene.is_flooded() {
                return Err(nothing(left));
            }
        }
    }

    fn piece_within(&mut self, limit: Duration) -> Option<Vec<u8>> {
        let deadline = self.scene.end_of(limit)?;
        let mut buffer = vec![0; 65_536];
        loop {
            // Looked at once at least, also when this thread could not run for the whole time.
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = left.max(Duration::from_millis(1));
            // macOS refuses it when both sides have ended their streams, and then nothing waits.
            let _ = self.stream.set_read_timeout(Some(wait));
            let length = match self.stream.read(&mut buffer) {
                Ok(length) => length,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                        if left.is_zero() {
                            return None;
                        }
                        continue;
                    }
                    _ => 0,
                },
            };
            buffer.truncate(length);
            self.scene.count(length);
            return Some(buffer);
        }
    }

    /// Writes down that this came.
    fn tell(&self, piece: &[u8]) {
        self.scene.step(match piece {
            [] => format!("{} saw the end of the stream", self.name),
            _ => format!("{} got {}", self.name, quoted(piece)),
        });
    }

    /// Goes on when nothing comes [`BRIEFLY`], not even the end of the stream.
    pub fn nothing_comes(&mut self, expected: &str) -> Result<(), Broken> {
        match self.read_within(BRIEFLY) {
            None => Ok(()),
            Some(piece) if piece.is_empty() => {
                Err(self.scene.broken(expected, "the end of the stream".to_owned()))
            }
            Some(piece) => {
                Err(self.scene.broken(expected, format!("{} got {}", self.name, quoted(&piece))))
            }
        }
    }
}

/// Bytes for a sentence: text in quotation marks where it is text, else how many bytes and the first of
/// them. Long text is cut in the middle of the sentence, and its length is said.
pub fn quoted(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    match std::str::from_utf8(bytes) {
        Ok(text) if text.chars().count() <= 80 => format!("\"{}\"", printable(text)),
        Ok(text) => {
            let start: String = text.chars().take(40).collect();
            format!("\"{}…\" ({} bytes)", printable(&start), bytes.len())
        }
        Err(_) if bytes.len() == 1 => format!("the byte {:02x}", bytes[0]),
        Err(_) => {
            let start: Vec<_> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let more = if bytes.len() > 16 { " …" } else { "" };
            format!("the {} bytes {}{more}", bytes.len(), start.join(" "))
        }
    }
}

fn nothing(waited: Duration) -> String {
    format!("nothing within {:.0} s", waited.as_secs_f64())
}

fn too_much() -> String {
    format!("more than {} MiB of output: the program was ended", MOST_PRINTED >> 20)
}

fn how_it_ended(ended: &Ended) -> String {
    match ended.status.code() {
        Some(code) => format!("ended with exit status {code}"),
        None => "was ended by a signal".to_owned(),
    }
}

/// What a program said that panicked: `called `Option::unwrap()` on a `None` value, exercise.rs:41`.
fn panic_message(errors: &str) -> Option<String> {
    let (_, rest) = errors.split_once("panicked at ")?;
    let mut lines = rest.lines();
    let place = lines.next()?.trim_end_matches(':');
    Some(format!("{} ({place})", printable(lines.next().unwrap_or_default())))
}
