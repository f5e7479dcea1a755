use std::collections::HashSet;
use std::env;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Subcommand;

/// The size in bytes of every buffer that carries a file, as in our own server and client.
pub const BUFFER: usize = 256 * 1024;

/// What our programs are compared with: the same work in as few lines as it takes, without a time
/// limit, a log or a look at what comes. Each runs in a process of its own, as our programs do.
#[derive(Subcommand)]
pub enum Bare {
    /// Sends a file to each client that connects.
    #[command(hide = true)]
    Send { file: PathBuf },
    /// Stores what a server sends.
    #[command(hide = true)]
    Store { server: SocketAddr, target: PathBuf },
    /// Answers every datagram with itself.
    #[command(hide = true)]
    Echo,
    /// Does so, and prints one line for each as our servers do.
    #[command(hide = true)]
    PrintAndEcho,
    /// Sends what one member says to all the others.
    #[command(hide = true)]
    FanOut,
}

impl Bare {
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Send { file } => send(file),
            Self::Store { server, target } => store(*server, target),
            Self::Echo => echo(|_, _| Ok(())),
            Self::PrintAndEcho => echo(print),
            Self::FanOut => fan_out(),
        }
    }
}

/// The command that starts a bare contender: this program, as cargo starts it, told which one to be.
pub fn bare(name: &str) -> Result<Command> {
    let mut command = Command::new(env::current_exe().context("cannot find this program")?);
    command.args(["--bench", name]);
    Ok(command)
}

/// Passes everything on through one buffer; how many bytes that were.
pub fn pump(from: &mut impl Read, to: &mut impl Write) -> Result<u64> {
    let mut buffer = vec![0; BUFFER];
    let mut total = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(length) => {
                to.write_all(&buffer[..length])?;
                total += length as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn send(file: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (mut stream, _) = listener.accept()?;
        pump(&mut File::open(file)?, &mut stream)?;
    }
}

fn store(server: SocketAddr, target: &Path) -> Result<()> {
    let mut stream = TcpStream::connect(server)?;
    pump(&mut stream, &mut File::create(target)?)?;
    Ok(())
}

fn echo(show: impl Fn(SocketAddr, &[u8]) -> Result<()>) -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    println!("listening on {}", socket.local_addr()?);
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        show(from, &buffer[..length])?;
        socket.send_to(&buffer[..length], from)?;
    }
}

fn print(from: SocketAddr, payload: &[u8]) -> Result<()> {
    println!("from {from}: {}", str::from_utf8(payload)?);
    Ok(())
}

/// Speaks as much of the group chat as the comparison needs: `/name` joins, `/who` is answered.
fn fan_out() -> Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    println!("listening on {}", socket.local_addr()?);
    // In no order, as in our server: who is sent to first decides how often the two sides take turns.
    let mut members = HashSet::new();
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        let text = &buffer[..length];
        if text.starts_with(b"/name ") {
            members.insert(from);
        } else if text == b"/who" {
            socket.send_to(format!("{} here", members.len()).as_bytes(), from)?;
        } else {
            for &member in members.iter().filter(|&&member| member != from) {
                socket.send_to(text, member)?;
            }
        }
    }
}
