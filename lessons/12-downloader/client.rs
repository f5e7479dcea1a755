//! Lesson 12 · Downloader, the client: names a file, and keeps what comes until the server closes.
//!
//! Terminal 1:   cargo run --bin 12-download-server -- --dir lessons
//! Terminal 2:   cargo run --bin 12-download-client -- 127.0.0.1:7890 lib.rs
//!
//! It saves `received-lib.rs` in the current folder. It asks for whatever you leave out.

mod interrupt;

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sockets_by_example::address::Address;
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::say;
use sockets_by_example::stream::read_within;
use sockets_by_example::terminal::{ask, complain};
use sockets_by_example::text::printable;
use tempfile::NamedTempFile;

use interrupt::before_the_end;

// ANCHOR: arguments
/// Downloads one file.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 12 of the book: Downloader.")]
struct Args {
    /// Where the server is [default: asks for it, and takes 127.0.0.1:7890 when you press Enter]
    addr: Option<Address>,
    /// The file to ask for [default: asks for it]
    name: Option<String>,
    /// Where to save it [default: received- and the last part of NAME, in this folder]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Overwrite a file that is there already
    #[arg(long)]
    force: bool,
    /// How long to wait for the connection, and for each next piece of the file
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
}
// ANCHOR_END: arguments

const SERVER: &str = "127.0.0.1:7890";
/// The longest name of a file in bytes.
const LONGEST_NAME: usize = 1024;
/// How many bytes of the file are in memory at once.
const BUFFER: usize = 256 * 1024;

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    // ANCHOR: ask
    let Some(server) = args.addr.map_or_else(ask_for_server, |given| Ok(Some(given)))? else {
        return Ok(());
    };
    let Some(name) = args.name.map_or_else(|| ask("file "), |given| Ok(Some(given)))? else {
        return Ok(());
    };
    ensure!(!name.is_empty(), "a file without a name cannot be asked for");
    ensure!(
        name.len() <= LONGEST_NAME,
        "the name has {} bytes, and a request has at most {LONGEST_NAME}",
        name.len()
    );
    // ANCHOR_END: ask

    // ANCHOR: target
    let target = args.out.map_or_else(|| name_to_save_as(&name), Ok)?;
    match fs::symlink_metadata(&target) {
        Ok(there) => {
            let replaceable = there.is_file() || there.is_symlink();
            ensure!(replaceable, "{} is not a file that can be overwritten", target.display());
            ensure!(args.force, "{} exists already; --force overwrites it", target.display());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // For instance too long a name: told before the whole file has come for nothing.
        Err(error) => return Err(error).context(format!("cannot save {}", target.display())),
    }
    // ANCHOR_END: target

    // ANCHOR: request
    let server = server.resolve()?;
    let mut stream = TcpStream::connect_timeout(&server, args.timeout.0)
        .with_context(|| format!("cannot connect to {server}"))?;
    stream.set_write_timeout(Some(args.timeout.0))?;
    let request = stream.write_all(name.as_bytes());
    request.with_context(|| format!("cannot send the name to {server}"))?;
    // ANCHOR_END: request

    // ANCHOR: receive
    let mut download = Download::beside(&target)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let (timeout, total) = (args.timeout, download.total);
        match read_within(&mut stream, &mut buffer, timeout) {
            Ok(Some(0)) => break,
            Ok(Some(length)) => download.write(&buffer[..length])?,
            Ok(None) if total == 0 => bail!("no answer from {server} within {timeout}"),
            Ok(None) => {
                bail!("nothing was saved: {server} stopped for {timeout} after {total} bytes")
            }
            Err(error) => {
                let broke = format!("nothing was saved: {server} broke off after {total} bytes");
                return Err(error).context(broke);
            }
        }
    }
    let total = download.total;
    let shown = printable(&name);
    ensure!(total > 0, "nothing was saved: \"{shown}\" is missing, refused or empty at {server}");
    // ANCHOR_END: receive

    // ANCHOR: save
    download.save(&target, args.force)?;
    let saved = printable(&target.display().to_string());
    say!("received {total} bytes from {server}, saved as {saved}")?;
    say!(
        "(whether that is the whole file this protocol cannot tell: it ends where the stream ends)"
    )?;
    Ok(())
    // ANCHOR_END: save
}

fn ask_for_server() -> Result<Option<Address>> {
    while let Some(typed) = ask(&format!("server [{SERVER}] "))? {
        let typed = if typed.is_empty() { SERVER } else { &typed };
        match typed.parse() {
            Ok(address) => return Ok(Some(address)),
            Err(problem) => complain(problem),
        }
    }
    Ok(None)
}

// ANCHOR: name
/// `received-` and the last part of the name: a file in the current folder, whatever the name is.
fn name_to_save_as(name: &str) -> Result<PathBuf> {
    let separators = if cfg!(windows) { &['/', '\\', ':'][..] } else { &['/', '\\'] };
    match name.rsplit(separators).next() {
        None | Some("" | "." | "..") => {
            bail!("\"{}\" names no file; say with --out where to save it", printable(name))
        }
        Some(last) => Ok(format!("received-{last}").into()),
    }
}
// ANCHOR_END: name

/// A file on its way: under a temporary name until it is whole.
struct Download {
    file: NamedTempFile,
    /// How many bytes have come.
    total: u64,
    progress: ProgressBar,
    /// The temporary file, which an interrupt removes; `None` once it has its final name.
    unfinished: Arc<Mutex<Option<PathBuf>>>,
}

impl Download {
    // ANCHOR: temporary
    /// Begins a temporary file in the target's folder: only within one file system can a file take
    /// its final name in one step. Whichever way this process ends, SIGKILL aside, the file is removed.
    fn beside(target: &Path) -> Result<Self> {
        let folder = match target.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".received-");
        // A temporary file is its owner's alone, and this one becomes a file like any other.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));

        // Drawn on a terminal only, and without an end: nobody said how long the file is.
        let style = ProgressStyle::with_template("{spinner} {bytes} received, {bytes_per_sec}")?;
        let progress = ProgressBar::new_spinner().with_style(style);

        let unfinished = Arc::new(Mutex::new(None::<PathBuf>));
        // Locked until the file has its temporary name: an interrupt before that waits for it.
        let mut its_name = unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        let (its_file, its_progress) = (unfinished.clone(), progress.downgrade());
        before_the_end(move || {
            let unfinished = its_file.lock().unwrap_or_else(PoisonError::into_inner);
            // After Ctrl-C the terminal's own ^C stands on the next line, and that one is cleared.
            if let Some(progress) = its_progress.upgrade() {
                progress.finish_and_clear();
            }
            if let Some(path) = &*unfinished {
                let _ = fs::remove_file(path);
                complain("interrupted: nothing was saved");
            }
            process::exit(1);
        })?;
        let file = builder.tempfile_in(folder);
        let file = file.with_context(|| format!("cannot save in {}", folder.display()))?;
        *its_name = Some(file.path().to_owned());
        drop(its_name);
        Ok(Self { file, total: 0, progress, unfinished })
    }
    // ANCHOR_END: temporary

    // ANCHOR: write
    fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.file.as_file_mut().write_all(piece);
        written
            .with_context(|| format!("nothing was saved: cannot write {} bytes", piece.len()))?;
        self.total += piece.len() as u64;
        self.progress.inc(piece.len() as u64);
        Ok(())
    }
    // ANCHOR_END: write

    // ANCHOR: rename
    /// Gives the file its final name. `overwrite` also takes a name that is taken.
    fn save(self, target: &Path, overwrite: bool) -> Result<()> {
        self.progress.finish_and_clear();
        let mut unfinished = self.unfinished.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = match overwrite {
            true => self.file.persist(target),
            false => self.file.persist_noclobber(target),
        };
        saved
            .map_err(|failed| failed.error)
            .with_context(|| format!("cannot save {}", target.display()))?;
        *unfinished = None;
        Ok(())
    }
    // ANCHOR_END: rename
}
