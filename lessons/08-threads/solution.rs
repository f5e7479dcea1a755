//! Lesson 08 · Threads: both sides speak whenever they like, over one socket and two threads.
//!
//! Terminal 1:   cargo run --bin 08-threads-chat
//! Terminal 2:   cargo run --bin 08-threads-chat -- 127.0.0.1:8081 --to 127.0.0.1:8080
//!
//! Terminal 1 waits to be spoken to: the first datagram tells it whom to answer. `/quit` or Ctrl-D
//! ends a side, and that side alone.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::thread;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, loopback_like};
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::terminal::{complain, read_line};
use sockets_by_example::text::{UTF_8, received};
/// A chat in which both sides send and receive at the same time.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 08 of the book: Threads.")]
struct Args {
    #[arg(help = "Where to listen [default: 127.0.0.1:8080, or [::1]:8080 for an IPv6 peer]")]
    addr: Option<Address>,
    /// Whom to talk to [default: whoever sends the first datagram]
    #[arg(long, value_name = "PEER")]
    to: Option<Address>,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let to = args.to.map(|address| address.resolve()).transpose()?;
    let local = match args.addr {
        Some(address) => address.resolve()?,
        None => loopback_like(to.unwrap_or(([127, 0, 0, 1], 0).into()), 8080),
    };
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    // Both threads use the socket through a shared reference: the system lets one send while the
    // other receives, no lock needed. The peer is written once, by whoever knows it first.
    let socket = Arc::new(socket);
    let peer = Arc::new(to.map_or_else(OnceLock::new, OnceLock::from));
    // Nothing can wake a thread from its wait for a line or for a datagram, so nobody joins the other:
    // whichever ends first ends the process.
    let (its_socket, its_peer) = (socket.clone(), peer.clone());
    thread::spawn(move || finish(receive_all(&its_socket, &its_peer)));
    send_all(&socket, &peer)
}
fn receive_all(socket: &UdpSocket, peer: &OnceLock<SocketAddr>) -> Result<()> {
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(socket, &mut buffer).context("cannot receive")?;
        peer.get_or_init(|| from);
        say!("{}", received(from, &buffer[..length], UTF_8))?;
    }
}
fn send_all(socket: &UdpSocket, peer: &OnceLock<SocketAddr>) -> Result<()> {
    while let Some(line) = read_line()? {
        if line == "/quit" {
            break;
        }
        let Some(to) = peer.get() else {
            complain("nobody to send to: wait for the first message, or start with --to");
            continue;
        };
        let sent = socket.send_to(line.as_bytes(), to).map(drop);
        go_on_after(sent.with_context(|| format!("cannot send {} bytes to {to}", line.len())))?;
    }
    Ok(())
}
