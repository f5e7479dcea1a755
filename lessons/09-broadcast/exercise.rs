//! Exercise 09 · Broadcast: find out who is there.
//!
//! A messenger that is installed today knows nobody. So it asks everybody, and whoever answers is there.
//! Nobody can say how many will answer, so the one who asks must decide how long to listen.
//!
//! What to make
//!   Send MESSAGE, as it is, in one datagram to TO, which may be a broadcast address. Then listen for
//!   300 ms, counted from the question: what comes in that time does not make it longer or shorter.
//!   List whoever answered, each once, however often it answered: one line on standard output that
//!   begins with the address, IP address and port, as in `127.0.0.1:2425`. The order, and what you put
//!   behind the address, are up to you. When nobody answered, say `nobody is there` in a line of its own.
//!   In both cases the program then ends with exit status 0.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 07-echo-server -- 0.0.0.0:2425
//!   Terminal 2:   cargo run --bin 09-exercise
//!   Terminal 2 lists `127.0.0.1:2425` and ends. Stop the server with Ctrl-C, ask once more, and read
//!   `nobody is there`. The loopback of macOS and Windows may not broadcast: there ask the server alone,
//!   cargo run --bin 09-exercise -- 127.0.0.1:2425
//!
//! What the check looks at: `make exercise N=09`
//!   - everybody is asked with one datagram, and who answers is listed
//!   - each that answers is listed once, however often it answers
//!   - when nobody answers within 300 ms, it says so and ends
//!   - whoever goes on answering gets no more time

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like, source_address};
use sockets_by_example::program::finish;
use sockets_by_example::say;

/// Asks everybody who is there, and lists those who answer within 300 ms.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 09 of the book: Broadcast.")]
struct Args {
    /// The broadcast address, or one receiver's own
    #[arg(default_value = "127.255.255.255:2425")]
    to: Address,
    /// The question
    #[arg(default_value = "who is there?")]
    message: String,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let to = args.to.resolve()?;
    let local = any_address_like(to);
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    // TODO: ask the system for the permission to send to everybody.

    let payload = args.message.as_bytes();
    let sent = socket
        .send_to(payload, to)
        .with_context(|| format!("cannot send {} bytes to {to}", payload.len()))?;
    say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;

    // TODO: collect the addresses of those who answer, until 300 ms are over.
    // TODO: list them, or say that nobody is there.
    Ok(())
}
