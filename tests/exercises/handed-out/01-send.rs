//! Exercise 01 · Send: several messages, each a datagram of its own, and the total.
//!
//! A datagram has edges. What one call sends arrives as one piece, and nothing is glued to it. That holds
//! even for a message without a single byte: it arrives too, and somebody can answer it.
//!
//! What to make
//!   `01-exercise [TO] [MESSAGE]... [--bind ADDR]` sends each MESSAGE as a datagram of its own, in the
//!   order in which they were typed. An empty MESSAGE ("") is sent too: it is a datagram of 0 bytes. One
//!   socket sends all of them, so the receiver sees one sender. Without a MESSAGE, `123` goes out as
//!   before.
//!   The last line on standard output is the total, in bytes and not in characters, exactly of this form:
//!     total: 3 datagrams, 11 bytes
//!   For one datagram, `1 datagram` is as good as `1 datagrams`. What you print before that is up to you.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 07-echo-server -- 127.0.0.1:7878
//!   Terminal 2:   cargo run --bin 01-exercise -- 127.0.0.1:7878 one "" "two words"
//!   Terminal 1 shows three lines, all from the same address; there is no text in the second one. The
//!   last line of terminal 2 is `total: 3 datagrams, 12 bytes`. Ctrl-C ends terminal 1.
//!
//! What the check looks at: `make exercise N=01`
//!   - each message is a datagram of its own
//!   - an empty message is a datagram too
//!   - all of them come from one address, that of --bind
//!   - the last line tells how many datagrams and how many bytes
//!   - without a message, 123 goes as before, and counts

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like, source_address};
use sockets_by_example::program::finish;
use sockets_by_example::say;

/// Sends each message as one UDP datagram, tells the total, and ends.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 01 of the book: Send.")]
struct Args {
    /// Where the messages go
    #[arg(default_value = "127.0.0.1:7878")]
    to: Address,
    // TODO: take any number of messages.
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

    // TODO: send every message, and count what goes out.
    let payload = args.message.as_bytes();
    let sent = socket
        .send_to(payload, to)
        .with_context(|| format!("cannot send {} bytes to {to}", payload.len()))?;
    say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;

    // TODO: tell the total.
    Ok(())
}
