//! Exercise 08 · Threads: a chat that confirms what it gets.
//!
//! A datagram may be lost, and its sender does not hear of it. So protocols let the other side confirm
//! what has arrived. Two programs that answer by themselves have a danger of their own: if a confirmation
//! is confirmed too, they never stop.
//!
//! What to make
//!   Each message that arrives is shown, as in the lesson, and answered by the program itself with the
//!   datagram `seen N`, to whoever sent it. N counts the messages from this sender: 1, 2, 3.
//!   A confirmation, which is `seen`, one blank and decimal digits, and nothing else, is shown on the
//!   screen too. It is never answered, and it is not counted.
//!   Any other text is a message: `seen`, `seen it yesterday`, `seen 3 times`.
//!   Typed lines still go to the peer whenever you like, and `/quit` still ends the program.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 08-exercise
//!   Terminal 2:   cargo run --bin 08-exercise -- 127.0.0.1:8081 --to 127.0.0.1:8080
//!   Type `hello` in terminal 2. Terminal 1 shows `from 127.0.0.1:8081: hello`, terminal 2 shows
//!   `from 127.0.0.1:8080: seen 1`, and then both are silent. Answer in terminal 1: it gets a `seen 1`
//!   too. Now type `/quit` in terminal 1 and send two more lines from terminal 2: what do you know now
//!   about those two?
//!
//! What the check looks at: `make exercise N=08`
//!   - each message is shown and answered with seen and its number
//!   - two senders are counted apart, and each is answered itself
//!   - a confirmation is shown, and neither answered nor counted
//!   - a text that only looks like a confirmation is a message
//!   - of two such programs each confirms a typed line once, and then both are silent
//!   - typed lines go to the peer meanwhile, and /quit ends the program

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

/// A chat in which both sides send and receive at the same time, and confirm what they get.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 08 of the book: Threads.")]
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

    let socket = Arc::new(socket);
    let peer = Arc::new(to.map_or_else(OnceLock::new, OnceLock::from));
    let (its_socket, its_peer) = (socket.clone(), peer.clone());
    thread::spawn(move || finish(receive_all(&its_socket, &its_peer)));
    send_all(&socket, &peer)
}

fn receive_all(socket: &UdpSocket, peer: &OnceLock<SocketAddr>) -> Result<()> {
    // TODO: something that remembers how many messages each sender has sent.
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(socket, &mut buffer).context("cannot receive")?;
        peer.get_or_init(|| from);
        say!("{}", received(from, &buffer[..length], UTF_8))?;

        // TODO: if this is no confirmation itself, count it and send `seen N` to its sender.
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
