//! Lesson 05 · Take turns, the server: shows a message, and a person types the answer.
//!
//! Terminal 1:   cargo run --bin 05-turns-server
//! Terminal 2:   cargo run --bin 05-turns-client -- --timeout 60
//!
//! Without --timeout you have 5 seconds for an answer. One that comes later is shown as (late), before
//! the client sends its next line.
//!
//! Start a second client and let both speak: while you type the answer to one, the other waits, until
//! its time is up.

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::terminal::ask;
use sockets_by_example::text::{UTF_8, received};
/// A chat at the console, the side that answers: each message waits for a person's line.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 05 of the book: Take turns.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:6000")]
    addr: Address,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        say!("{}", received(from, &buffer[..length], UTF_8))?;
        // Until this line is typed nobody receives: whatever others send waits in the socket.
        let Some(answer) = ask("")? else { return Ok(()) };
        let sent = socket.send_to(answer.as_bytes(), from).map(drop);
        go_on_after(sent.with_context(|| format!("cannot send {} bytes to {from}", answer.len())))?;
    }
}
