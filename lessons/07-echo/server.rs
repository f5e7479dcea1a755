//! Lesson 07 · Echo, the server: every datagram goes back to its sender unchanged.
//!
//! Terminal 1:   cargo run --bin 07-echo-server
//! Terminal 2:   cargo run --bin 07-echo-client
//!
//! With --once it answers one datagram and ends.

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};

// ANCHOR: arguments
/// Sends every datagram back to whoever sent it.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 07 of the book: Echo.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:8080")]
    addr: Address,
    /// Answer one datagram and end
    #[arg(long)]
    once: bool,
}
// ANCHOR_END: arguments

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    // ANCHOR: serve
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let request = &buffer[..length];
        say!("{}", received(from, request, UTF_8))?;
        let answered = socket.send_to(request, from).map(drop);
        go_on_after(answered.with_context(|| format!("cannot answer {from}")))?;
        if args.once {
            return Ok(());
        }
    }
    // ANCHOR_END: serve
}
