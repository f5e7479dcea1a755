//! Solution 12 · Downloader: a broken download goes on where it stopped.
//!
//! Terminal 1:   cargo run --bin 12-solution -- serve
//! Terminal 2:   cargo run --bin 12-broken-client
//!               cargo run --bin 12-solution -- get 127.0.0.1:7890 LICENSE-APACHE --resume

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
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

/// Serves the files of one folder, or downloads one, from its beginning or from where it stopped.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 12 of the book: Downloader.")]
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
/// The longest request in bytes: a name of 1024, a line feed, and the 20 digits of the largest `u64`.
const LONGEST_REQUEST: usize = 1024 + 1 + 20;
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
    let found = read_request(&mut stream).and_then(|(name, offset)| {
        say!("{from} asks for \"{}\" from byte {offset} on", printable(&name))?;
        open_at(dir, &name, offset)
    });
    match found {
        Ok(mut file) => say!("{from} got {} bytes", send(&mut stream, &mut file).context("cut")?)?,
        // The client gets an empty answer: a stranger is not told why.
        Err(refusal) => say!("{from} refused: {}", sentence(&refusal))?,
    }
    SockRef::from(&stream).set_linger(None)?;
    Ok(())
}

/// The name and the offset, which come in one piece: nothing in this protocol says where they end.
fn read_request(stream: &mut TcpStream) -> Result<(String, u64)> {
    let mut buffer = [0; LONGEST_REQUEST + 1];
    let read = read_within(stream, &mut buffer, PATIENCE).context("cannot read the request")?;
    let length = read.with_context(|| format!("said nothing for {PATIENCE}"))?;
    ensure!(length <= LONGEST_REQUEST, "longer than {LONGEST_REQUEST} bytes");
    let request = str::from_utf8(&buffer[..length]).context("not UTF-8")?;
    let Some((name, offset)) = request.split_once('\n') else {
        return Ok((request.to_owned(), 0));
    };
    let offset = offset.parse();
    Ok((name.to_owned(), offset.context("what stands behind the line feed is no offset")?))
}

/// The regular file of this name inside the folder, ready to be read from `offset` on. A position
/// behind its end is none to complain about: there is nothing to read there.
fn open_at(dir: &Dir, name: &str, offset: u64) -> Result<File> {
    // Asked before the opening, which alone can act on a device, and again of what is open.
    ensure!(dir.metadata(name)?.is_file(), "not a regular file");
    let mut options = OpenBeneath::new();
    options.read(true).nonblock(true);
    let mut file = dir.open_with(name, &options)?;
    ensure!(file.metadata()?.is_file(), "not a regular file");
    file.seek(SeekFrom::Start(offset)).context("no such position")?;
    Ok(file)
}

/// Sends what is left of the file through one buffer: how many bytes that were.
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
    let part = match fs::symlink_metadata(&target) {
        Ok(there) => {
            ensure!(there.is_file(), "{shown} is not a regular file");
            ensure!(resume, "{shown} exists already; --resume goes on with it");
            Some(there.len())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).context(format!("cannot save {shown}")),
    };

    let server = addr.resolve()?;
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE.0)
        .with_context(|| format!("cannot connect to {server}"))?;
    stream.set_write_timeout(Some(PATIENCE.0))?;
    let request = match part {
        Some(length) => format!("{name}\n{length}"),
        // Without an offset also a server understands it that knows of none.
        None => name.to_owned(),
    };
    let sent = stream.write_all(request.as_bytes());
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
            none => none.insert(
                OpenOptions::new()
                    .append(true)
                    .create_new(part.is_none())
                    .open(&target)
                    .with_context(|| format!("cannot save {shown}"))?,
            ),
        };
        let written = file.write_all(&buffer[..length]);
        written.with_context(|| format!("cannot write to {shown}"))?;
        total += length as u64;
    }
    match part {
        Some(length) if total == 0 => say!("nothing is missing: {shown} has {length} bytes")?,
        Some(length) => say!("received {total} bytes, put behind the {length} of {shown}")?,
        None if total > 0 => say!("received {total} bytes, saved as {shown}")?,
        None => bail!("nothing was saved: the file is missing, refused or empty at {server}"),
    }
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
