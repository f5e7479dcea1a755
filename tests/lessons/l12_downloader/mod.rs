//! Lesson 12: the server against bare sockets, what it refuses, the client against bare sockets, and
//! the two together; and the client that is broken on purpose.

mod broken_client;
mod client;
mod names;
mod pair;
mod server;

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use support::{PATIENCE, Terminal, connect, program};

/// Starts the server on this folder, patient with its clients: it, and where it listens.
fn serve(folder: impl AsRef<OsStr>) -> (Terminal, SocketAddr) {
    serve_idle(folder, "60")
}

/// Starts the server on this folder; a client may be idle for so many seconds.
fn serve_idle(folder: impl AsRef<OsStr>, idle: &str) -> (Terminal, SocketAddr) {
    let folder = folder.as_ref();
    let command = program!("12-download-server", "127.0.0.1:0", "--dir", folder, "--idle", idle);
    let mut server = Terminal::start(command);
    let address = server.listening();
    (server, address)
}

/// The client, in this folder, patient with its server.
fn download(folder: &Path, server: impl Display, name: impl AsRef<OsStr>) -> Command {
    download_within("60", folder, server, name)
}

/// The client, in this folder; it waits for so many seconds.
fn download_within(
    timeout: &str,
    folder: &Path,
    server: impl Display,
    name: impl AsRef<OsStr>,
) -> Command {
    let mut command = program!("12-download-client", "--timeout", timeout, server.to_string());
    command.arg(name).current_dir(folder);
    command
}

/// A connection on which a file has been named.
#[track_caller]
fn ask(server: SocketAddr, name: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(name.as_ref()).expect("the name can be sent");
    stream
}

/// What the server's log says in its next line, which must be about this client.
#[track_caller]
fn logged(server: &mut Terminal, client: &TcpStream) -> String {
    let line = server.line();
    let about = format!("{} ", client.local_addr().unwrap());
    line.strip_prefix(&about).unwrap_or_else(|| panic!("not about {about}: {line:?}")).to_owned()
}

/// So many bytes, the same at each run: noise that begins anew after a number of bytes which is prime,
/// so that no buffer's worth of it can be lost, doubled or exchanged unseen.
fn noise(length: usize) -> Vec<u8> {
    let mut period = [0; 65_521];
    fastrand::Rng::with_seed(12).fill(&mut period);
    let mut bytes = period.repeat(length / period.len() + 1);
    bytes.truncate(length);
    bytes
}

/// Makes a file of so many bytes which takes no room on the disk: all of it is a hole.
fn hole(path: impl AsRef<Path>, length: u64) {
    File::create(path).unwrap().set_len(length).unwrap();
}

/// More bytes than the buffers of two sockets hold: whoever sends them waits for who reads them.
const MORE_THAN_BUFFERS_HOLD: u64 = 64 * 1024 * 1024;

/// Asserts that two contents are the same, and says where they part instead of printing them.
#[track_caller]
fn same(came: &[u8], sent: &[u8]) {
    if came == sent {
        return;
    }
    let parted = came.iter().zip(sent).position(|(came, sent)| came != sent);
    panic!("{} bytes came for {}; the first to differ: {parted:?}", came.len(), sent.len());
}

/// The names of all that is in the folder, hidden files too.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits until the client in this folder, which holds nothing else, has written something.
#[track_caller]
fn wait_for_a_temporary_file(folder: &Path) {
    await_that("a temporary file has begun", || {
        let mut entries = folder.read_dir().unwrap();
        entries.any(|entry| fs::metadata(entry.unwrap().path()).is_ok_and(|file| file.len() > 0))
    });
}

/// Waits for what can only be asked for again and again, and says what it was when it does not come.
#[track_caller]
fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        thread::yield_now();
    }
}

#[cfg(unix)]
fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo can be run");
    assert!(made.success());
}
