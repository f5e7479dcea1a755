//! Lesson 01 · Send: one message leaves this process and arrives in another.
//!
//! Terminal 1, which waits:   cargo run --bin 02-receive
//! Terminal 2, which sends:   cargo run --bin 01-send
//!
//! Run it without terminal 1 as well: it says the same. Nobody tells a sender whether its datagram
//! arrived.

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like, source_address};
use sockets_by_example::program::finish;
use sockets_by_example::say;
/// Sends one UDP datagram and ends.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 01 of the book: Send.")]
struct Args {
    /// Where the message goes
    #[arg(default_value = "127.0.0.1:7878")]
    to: Address,
    /// The text to send, in UTF-8
    #[arg(default_value = "123")]
    message: String,
    /// The local address to send from [default: any free port]
    #[arg(long, value_name = "ADDR")]
    bind: Option<Address>,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let to = args.to.resolve()?;
    // Without an address of our own the system gives us one: port 0 means "any free port".
    let local = match args.bind {
        Some(address) => address.resolve()?,
        None => any_address_like(to),
    };
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    let payload = args.message.as_bytes();
    let sent = socket
        .send_to(payload, to)
        .with_context(|| format!("cannot send {} bytes to {to}", payload.len()))?;
    say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;
    Ok(())
    // The socket is closed here, where its variable goes out of scope.
}
