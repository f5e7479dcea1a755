//! Lesson 12 · Downloader, the server: a client names a file, the server sends its bytes and closes.
//!
//! Terminal 1:   cargo run --bin 12-download-server -- --dir lessons
//! Terminal 2:   cargo run --bin 12-download-client -- 127.0.0.1:7890 lib.rs

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use cap_fs_ext::OpenOptionsSyncExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, OpenOptions};
use clap::Parser;
use socket2::SockRef;
use sockets_by_example::address::Address;
use sockets_by_example::program::{Seconds, finish, sentence};
use sockets_by_example::say;
use sockets_by_example::stream::{is_timeout, read_within, serve};
use sockets_by_example::text::printable;
/// Serves the files of one folder to whoever names them.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 12 of the book: Downloader.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:7890")]
    addr: Address,
    /// The folder whose files are served; nothing outside it is
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// How long a client may take to name a file before it is let go. One that stops reading is let go
    /// after at most about three times as long: a write that is taken in part starts the clock anew
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    idle: Seconds,
}

/// The longest name of a file in bytes.
const LONGEST_NAME: usize = 1024;
/// How many bytes of a file are in memory at once, for each client.
const BUFFER: usize = 256 * 1024;
/// How many clients are served at once; the next ones wait in the backlog.
const CLIENTS: usize = 128;

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let dir = Dir::open_ambient_dir(&args.dir, ambient_authority())
        .with_context(|| format!("cannot serve the folder {}", args.dir.display()))?;
    let local = args.addr.resolve()?;
    let listener = TcpListener::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", listener.local_addr()?)?;
    serve(&listener, CLIENTS, |stream, from| answer(stream, from, &dir, args.idle))
}
/// Answers one client and logs it in one line.
fn answer(mut stream: TcpStream, from: SocketAddr, dir: &Dir, idle: Seconds) -> Result<()> {
    stream.set_write_timeout(Some(idle.0))?;
    // Until the last byte is on its way, whatever ends this connection shall look like a failure to
    // the client: with a linger time of 0 a close is a reset, also the close of a process that dies.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;

    let (asked, found) = match read_name(&mut stream, idle) {
        Ok(name) => (format!("\"{}\"", printable(&name)), open_regular(dir, &name)),
        Err(error) => ("no name".to_owned(), Err(error)),
    };
    let sent = match found {
        Ok(file) => send_file(&mut stream, file, idle),
        Err(refusal) => Ok(format!("refused: {}", sentence(&refusal))),
    };
    // Logged before the close, so that the line stands when the client has its last byte.
    match sent {
        Ok(outcome) => {
            say!("{from} {asked}: {outcome}")?;
            SockRef::from(&stream).set_linger(None)?;
            close(&mut stream, idle)
        }
        Err(error) => Ok(say!("{from} {asked}: cut: {}", sentence(&error))?),
    }
}
/// The name, which comes in one piece: nothing in this protocol says where it ends.
fn read_name(stream: &mut TcpStream, idle: Seconds) -> Result<String> {
    let mut buffer = [0; LONGEST_NAME + 1];
    let read = read_within(stream, &mut buffer, idle).context("cannot read the name")?;
    let Some(length) = read else { bail!("said nothing for {idle}") };
    ensure!(length > 0, "an empty name");
    ensure!(length <= LONGEST_NAME, "longer than {LONGEST_NAME} bytes");
    match str::from_utf8(&buffer[..length]) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) => bail!("not UTF-8: {}", buffer[..length].escape_ascii()),
    }
}
/// The file of this name, if it is a regular file inside the folder. Links and `..` are followed as
/// long as they stay inside: cap-std asks the system for just that.
fn open_regular(dir: &Dir, name: &str) -> Result<File> {
    ensure!(!name.contains('\0'), "a name with a NUL");
    // Looked at before it is opened, since the opening alone can act on a device …
    ensure_regular(&dir.metadata(name).map_err(refusal)?)?;
    // … and after, since it may have become another file meanwhile. Without O_NONBLOCK the open of a
    // FIFO would wait for somebody to write into it.
    let mut options = OpenOptions::new();
    options.read(true).nonblock(true);
    let file = dir.open_with(name, &options).map_err(refusal)?;
    ensure_regular(&file.metadata()?)?;
    Ok(file)
}

/// What cap-std does not let through has no number from the system.
fn refusal(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            anyhow!("leads out of the folder")
        }
        _ => error.into(),
    }
}

fn ensure_regular(file: &Metadata) -> Result<()> {
    ensure!(!file.is_dir(), "a folder");
    ensure!(file.is_file(), "not a regular file");
    Ok(())
}
/// Sends the file to its end through one buffer, whatever its size.
fn send_file(stream: &mut TcpStream, mut file: File, idle: Seconds) -> Result<String> {
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        let length = match file.read(&mut buffer) {
            Ok(0) => return Ok(format!("sent {total} bytes")),
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context(format!("cannot read on after {total} bytes")),
        };
        match stream.write_all(&buffer[..length]) {
            Ok(()) => total += length as u64,
            Err(error) if is_timeout(&error) => {
                bail!("the client read nothing for {idle} after {total} bytes");
            }
            Err(error) => {
                return Err(error).context(format!("the client left after {total} bytes"));
            }
        }
    }
}
/// Ends the stream and waits until the client has done so too. Closed with bytes of the client unread,
/// it would be reset, and the reset can overtake what we sent last (RFC 1122, section 4.2.2.13).
fn close(stream: &mut TcpStream, idle: Seconds) -> Result<()> {
    let deadline = Instant::now() + idle.0;
    let mut rest = [0; 1024];
    // A client that has gone already has what it wanted.
    let mut open = stream.shutdown(Shutdown::Write).is_ok();
    while open {
        let left = deadline.saturating_duration_since(Instant::now());
        open = !left.is_zero()
            && matches!(read_within(stream, &mut rest, Seconds(left)), Ok(Some(1..)));
    }
    Ok(())
}
