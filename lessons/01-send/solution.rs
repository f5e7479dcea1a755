//! Solution 01 · Send: several messages, each a datagram of its own, and the total.
//!
//! Terminal 1:   cargo run --bin 07-echo-server -- 127.0.0.1:7878
//! Terminal 2:   cargo run --bin 01-solution -- 127.0.0.1:7878 one "" "two words"

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like, source_address};
use sockets_by_example::program::finish;
use sockets_by_example::say;

/// Sends each message as one UDP datagram, tells the total, and ends.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 01 of the book: Send.")]
struct Args {
    /// Where the messages go
    #[arg(default_value = "127.0.0.1:7878")]
    to: Address,
    /// The texts to send, in UTF-8, each as a datagram of its own
    #[arg(value_name = "MESSAGE", default_value = "123")]
    messages: Vec<String>,
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
    // One socket for all of them: by its port the receiver knows the sender.
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    let source = source_address(&socket, to)?;

    let mut datagrams = 0;
    let mut bytes = 0;
    for message in &args.messages {
        let payload = message.as_bytes();
        // A message that cannot go out ends the program here, with its error in place of a total that
        // would pass for all that was asked for.
        let sent = socket
            .send_to(payload, to)
            .with_context(|| format!("cannot send {} bytes to {to}", payload.len()))?;
        say!("sent {sent} bytes from {source} to {to}")?;
        datagrams += 1;
        bytes += sent;
    }
    say!("total: {datagrams} datagrams, {bytes} bytes")?;
    Ok(())
}
