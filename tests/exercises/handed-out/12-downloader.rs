//! Exercise 12 · Downloader: a broken download goes on where it stopped.
//!
//! The larger a file, the likelier its download breaks, and the longer it takes to begin again. A few
//! bytes in the request are enough to ask for what is missing. Both sides of the protocol are yours
//! here: `12-exercise serve` is the server and `12-exercise get` the client, shorter than the lesson's.
//!
//! What to make
//!   The server: a request may carry an offset behind the name: the name, a line feed, and a number in
//!   decimal. The server then sends the file from that byte on. A request without a line feed means what
//!   it means now, so old clients still work. An offset that is no number, or that lies behind the end
//!   of the file, gets an empty answer, and no panic. What lies before the offset is not read: seek. The
//!   file may be larger than your memory.
//!   The client: `get NAME --resume` asks for the rest of a file of which the part `received-NAME` is
//!   there, with the length of the part as the offset, and puts what comes behind the part. Without a
//!   part it gets the whole file. When nothing is missing, the answer is empty: say so, leave the file
//!   as it is, and end with status 0. As now, a file that is there is refused without `--resume`, and
//!   what has come of a file stays there when the connection ends in the middle.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 12-exercise -- serve
//!   Terminal 2:   cargo run --bin 12-broken-client
//!                 cargo run --bin 12-exercise -- get 127.0.0.1:7890 LICENSE-APACHE --resume
//!                 cmp received-LICENSE-APACHE LICENSE-APACHE
//!   The broken client saves the first 1024 bytes, your client fetches the other 10334, and `cmp` says
//!   nothing: the files are the same. Remove `received-LICENSE-APACHE` when you are done.
//!
//! What the check looks at: `make exercise N=12`
//!   - the server sends a file from the offset on, and the whole file to an old client
//!   - an offset that is no number or lies behind the end gets an empty answer
//!   - what lies before the offset is not read
//!   - when nothing is missing, the file stays as it is and the status is 0
//!   - a download that was cut goes on behind the part that is there
//!   - both programs together bring a broken download to its end

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use cap_fs_ext::OpenOptionsSyncExt;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions as OpenBeneath};
use clap::Parser;
use socket2::SockRef;
use sockets_by_example::address::Address;
use sockets_by_example::program::{Seconds, finish, sentence};
use sockets_by_example::say;
use sockets_by_example::stream::{read_within, serve};
use sockets_by_example::text::printable;

/// Serves the files of one folder, or downloads one.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 12 of the book: Downloader.")]
enum Args {
    /// Serves the files of one folder to whoever names them
    Serve {
        /// Where to listen
        #[arg(default_value = SERVER)]
        addr: Address,
        /// The folder whose files are served; nothing outside it is
        #[arg(long, default_value = ".")]
        dir: PathBuf,
    },
    /// Downloads one file, and saves it as received-NAME in this folder
    #[command(allow_missing_positional = true)]
    Get {
        /// Where the server is
        #[arg(default_value = SERVER)]
        addr: Address,
        /// The file to ask for
        name: String,
        /// Go on with the part of the file that is there already
        #[arg(long)]
        resume: bool,
    },
}

const SERVER: &str = "127.0.0.1:7890";
/// The longest request in bytes: a name.
const LONGEST_REQUEST: usize = 1024;
/// How many bytes of a file are in memory at once.
const BUFFER: usize = 256 * 1024;
/// How many clients are served at once; the next ones wait in the backlog.
const CLIENTS: usize = 128;
/// How long one side waits for the other.
const PATIENCE: Seconds = Seconds(Duration::from_secs(10));

fn main() {
    finish(match Args::parse() {
        Args::Serve { addr, dir } => serve_folder(&addr, &dir),
        Args::Get { addr, name, resume } => get(&addr, &name, resume),
    })
}

fn serve_folder(addr: &Address, dir: &Path) -> Result<()> {
    let dir = Dir::open_ambient_dir(dir, ambient_authority())
        .with_context(|| format!("cannot serve the folder {}", dir.display()))?;
    let local = addr.resolve()?;
    let listener = TcpListener::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", listener.local_addr()?)?;
    serve(&listener, CLIENTS, |stream, from| answer(stream, from, &dir))
}

fn answer(mut stream: TcpStream, from: SocketAddr, dir: &Dir) -> Result<()> {
    stream.set_write_timeout(Some(PATIENCE.0))?;
    // Until the last byte is on its way, a close is a reset, so that the client sees a failure.
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    let found = read_request(&mut stream).and_then(|name| {
        say!("{from} asks for \"{}\"", printable(&name))?;
        open_regular(dir, &name)
    });
    match found {
        Ok(mut file) => say!("{from} got {} bytes", send(&mut stream, &mut file).context("cut")?)?,
        // The client gets an empty answer: a stranger is not told why.
        Err(refusal) => say!("{from} refused: {}", sentence(&refusal))?,
    }
    SockRef::from(&stream).set_linger(None)?;
    Ok(())
}

/// The name, which comes in one piece: nothing in this protocol says where it ends.
fn read_request(stream: &mut TcpStream) -> Result<String> {
    let mut buffer = [0; LONGEST_REQUEST + 1];
    let read = read_within(stream, &mut buffer, PATIENCE).context("cannot read the request")?;
    let length = read.with_context(|| format!("said nothing for {PATIENCE}"))?;
    ensure!(length <= LONGEST_REQUEST, "longer than {LONGEST_REQUEST} bytes");
    let request = str::from_utf8(&buffer[..length]).context("not UTF-8")?;
    // TODO: a request may carry an offset behind a line feed.
    Ok(request.to_owned())
}

/// The regular file of this name inside the folder.
fn open_regular(dir: &Dir, name: &str) -> Result<File> {
    // Asked before the opening, which alone can act on a device, and again of what is open.
    ensure!(dir.metadata(name)?.is_file(), "not a regular file");
    let mut options = OpenBeneath::new();
    options.read(true).nonblock(true);
    let file = dir.open_with(name, &options)?;
    ensure!(file.metadata()?.is_file(), "not a regular file");
    // TODO: what is sent of it begins at the offset.
    Ok(file)
}

/// Sends the file to its end through one buffer: how many bytes that were.
fn send(stream: &mut TcpStream, file: &mut File) -> Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        let read = file.read(&mut buffer);
        let length = read.with_context(|| format!("cannot read on after {total} bytes"))?;
        if length == 0 {
            return Ok(total);
        }
        let sent = stream.write_all(&buffer[..length]);
        sent.with_context(|| format!("the client left after {total} bytes"))?;
        total += length as u64;
    }
}

fn get(addr: &Address, name: &str, resume: bool) -> Result<()> {
    ensure!(!name.contains('\n'), "a name with a line feed cannot be asked for");
    let target = name_to_save_as(name)?;
    let shown = printable(&target.display().to_string());
    match fs::symlink_metadata(&target) {
        Ok(there) => {
            ensure!(there.is_file(), "{shown} is not a regular file");
            ensure!(resume, "{shown} exists already; --resume goes on with it");
            // TODO: ask for what is behind these bytes.
            bail!("{shown} has {} bytes, and --resume does nothing yet", there.len());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).context(format!("cannot save {shown}")),
    }

    let server = addr.resolve()?;
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE.0)
        .with_context(|| format!("cannot connect to {server}"))?;
    stream.set_write_timeout(Some(PATIENCE.0))?;
    let sent = stream.write_all(name.as_bytes());
    sent.with_context(|| format!("cannot send the request to {server}"))?;

    let mut file = None;
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        let read = read_within(&mut stream, &mut buffer, PATIENCE)
            .with_context(|| format!("{server} broke off after {total} bytes"))?;
        let length =
            read.with_context(|| format!("{server} stopped for {PATIENCE} after {total} bytes"))?;
        if length == 0 {
            break;
        }
        let file = match &mut file {
            Some(file) => file,
            // Made with the first byte only; and a file that has appeared meanwhile is left alone.
            // TODO: with a part, open that one instead.
            none => none.insert(
                OpenOptions::new()
                    .append(true)
                    .create_new(true)
                    .open(&target)
                    .with_context(|| format!("cannot save {shown}"))?,
            ),
        };
        let written = file.write_all(&buffer[..length]);
        written.with_context(|| format!("cannot write to {shown}"))?;
        total += length as u64;
    }
    // TODO: with a part an empty answer means something else.
    ensure!(total > 0, "nothing was saved: the file is missing, refused or empty at {server}");
    say!("received {total} bytes, saved as {shown}")?;
    Ok(())
}

/// `received-` and the last part of the name: a file in the current folder, whatever the name is.
fn name_to_save_as(name: &str) -> Result<PathBuf> {
    let separators = if cfg!(windows) { &['/', '\\', ':'][..] } else { &['/', '\\'] };
    match name.rsplit(separators).next() {
        None | Some("" | "." | "..") => bail!("\"{}\" names no file", printable(name)),
        Some(last) => Ok(format!("received-{last}").into()),
    }
}
