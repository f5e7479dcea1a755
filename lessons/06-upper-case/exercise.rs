//! Lesson 06 · Upper case, the server: a request comes in, work is done, the response goes out.
//!
//! Terminal 1:   cargo run --bin 06-upper-server
//! Terminal 2:   cargo run --bin 06-upper-client

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{receive, room_for};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};
/// Answers each datagram with the same text, ASCII letters in upper case.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 06 of the book: Upper case.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:12345")]
    addr: Address,
}

/// The most that one request may hold, in bytes. What is longer is answered up to here.
const LIMIT: usize = 2048;

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;
    let mut buffer = [0; room_for(LIMIT)];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let request = &mut buffer[..length.min(LIMIT)];
        say!("{}", received(from, request, UTF_8))?;
        if length > LIMIT {
            say!("(cut: it was longer than the buffer of {LIMIT} bytes, and the rest is gone)")?;
        }

        request.make_ascii_uppercase();

        let answered = socket.send_to(request, from).map(drop);
        go_on_after(answered.with_context(|| format!("cannot answer {from}")))?;
    }
}
