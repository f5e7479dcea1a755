//! Lesson 10 · Group chat, the client: types to the group and hears the others.
//!
//! Terminal 1:   cargo run --bin 10-group-server
//! Terminal 2:   cargo run --bin 10-group-client -- --name alice
//! Terminal 3:   cargo run --bin 10-group-client -- --name bob
//!
//! Without --name you join with your first line and are called by your address.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like};
use sockets_by_example::datagram::{LONGEST, is_undelivered, send_connected};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::terminal::{complain, read_line};
use sockets_by_example::text::{UTF_8, received};

// ANCHOR: arguments
/// Takes part in a group chat: /name NAME, /who, /quit; anything else is said to all others.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 10 of the book: Group chat.")]
struct Args {
    /// Where the server is
    #[arg(default_value = "127.0.0.1:6001")]
    addr: Address,
    /// The name to join with [default: join with the first line, called by the address]
    #[arg(long)]
    name: Option<String>,
}
// ANCHOR_END: arguments

/// How the server's word to a member begins that it drops.
const DROPPED: &[u8] = b"you said nothing for ";

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let server = args.addr.resolve()?;
    let local = any_address_like(server);
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    socket.connect(server).with_context(|| format!("cannot reach {server}"))?;

    say!("talking to {server}: /name NAME, /who, /quit; anything else is said to all others")?;

    // ANCHOR: threads
    let socket = Arc::new(socket);
    // Whether the server knows our name.
    let known = Arc::new(AtomicBool::new(false));
    let (its_socket, its_known) = (socket.clone(), known.clone());
    thread::spawn(move || finish(receive_all(&its_socket, &its_known)));
    send_all(&socket, &known, args.name)
    // ANCHOR_END: threads
}

// ANCHOR: receive
fn receive_all(socket: &UdpSocket, known: &AtomicBool) -> Result<()> {
    let server = socket.peer_addr()?;
    let mut buffer = [0; LONGEST];
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let line = &buffer[..length];
                // What a member says has a colon behind the name, and this line of the server's has none.
                if line.starts_with(DROPPED) && !line.contains(&b':') {
                    known.store(false, Ordering::Relaxed);
                }
                say!("{}", received(server, line, UTF_8))?;
            }
            // Worth saying, and no reason to end: a server may come late, or come back, and will not
            // know us.
            Err(error) if is_undelivered(&error) => {
                known.store(false, Ordering::Relaxed);
                complain(format!("no server at {server}: {}", error.kind()));
            }
            Err(error) => return Err(error).context("cannot receive"),
        }
    }
}
// ANCHOR_END: receive

// ANCHOR: send
fn send_all(socket: &UdpSocket, known: &AtomicBool, name: Option<String>) -> Result<()> {
    introduce(socket, known, &name)?;
    while let Some(line) = read_line()? {
        if line == "/quit" {
            break;
        }
        introduce(socket, known, &name)?;
        send(socket, &line)?;
    }
    // Whoever leaves says so, also at the end of input: else the server keeps the place for long.
    send(socket, "/quit")
}

/// Joins under the name that we were started with: at first, and again when the server was not there
/// or has dropped us.
fn introduce(socket: &UdpSocket, known: &AtomicBool, name: &Option<String>) -> Result<()> {
    match name {
        Some(name) if !known.swap(true, Ordering::Relaxed) => {
            send(socket, &format!("/name {name}"))
        }
        _ => Ok(()),
    }
}

fn send(socket: &UdpSocket, line: &str) -> Result<()> {
    let sent = send_connected(socket, line.as_bytes());
    go_on_after(sent.with_context(|| format!("cannot send {} bytes", line.len())))
}
// ANCHOR_END: send
