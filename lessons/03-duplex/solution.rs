//! Solution 03 · Duplex: ask again when no answer comes, and believe only whom you asked.
//!
//! Terminal 1, somebody who answers:   cargo run --bin 07-echo-server -- 127.0.0.1:7788
//! Terminal 2:                         cargo run --bin 03-solution -- 127.0.0.1:7788 hello
//!
//! Without terminal 1 nobody answers: after 0.9 seconds it gives up and says so.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::{Address, loopback_like, source_address};
use sockets_by_example::datagram::{LONGEST, receive_within};
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::terminal::ask;
use sockets_by_example::{say, text};

/// Sends one UDP datagram, up to three times, and waits for the answer of whom it asked.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 03 of the book: Duplex.")]
struct Args {
    /// Where the message goes
    #[arg(default_value = "127.0.0.1:7788")]
    to: Address,
    /// The text to send [default: asks for it]
    message: Option<String>,
    #[arg(long, value_name = "ADDR")]
    #[arg(help = "The local address; 0.0.0.0:7789 reaches other machines too \
                  [default: 127.0.0.1:7789, or [::1]:7789 for an IPv6 peer]")]
    bind: Option<Address>,
    /// The encoding of the text, both ways: utf-8, gbk, …
    #[arg(long, value_name = "LABEL", default_value = "utf-8", value_parser = text::encoding)]
    encoding: &'static Encoding,
}

fn main() {
    finish(run(Args::parse()))
}

const ASKS: usize = 3;
const WAIT: Duration = Duration::from_millis(300);

fn run(args: Args) -> Result<()> {
    let to = args.to.resolve()?;
    let local = match args.bind {
        Some(address) => address.resolve()?,
        None => loopback_like(to, 7789),
    };
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    let typed = match args.message {
        Some(message) => Some(message),
        None => ask("")?,
    };
    let Some(message) = typed else { return Ok(()) };
    let payload = text::encode(&message, args.encoding)?;

    let mut buffer = [0; LONGEST];
    for _ in 0..ASKS {
        let sent = socket
            .send_to(&payload, to)
            .with_context(|| format!("cannot send {} bytes from {local} to {to}", payload.len()))?;
        say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;
        if let Some(length) = receive_from(&socket, to, &mut buffer)? {
            say!("{}", text::received(to, &buffer[..length], args.encoding))?;
            return Ok(());
        }
    }
    bail!("no answer from {to}")
}

/// Waits for a datagram from `peer`, and from nobody else: its length in bytes, or `None` when [`WAIT`] is
/// over.
fn receive_from(socket: &UdpSocket, peer: SocketAddr, buffer: &mut [u8]) -> Result<Option<usize>> {
    // Set once: who sends us something else must not move it.
    let deadline = Instant::now() + WAIT;
    loop {
        let left = Seconds(deadline.saturating_duration_since(Instant::now()));
        match receive_within(socket, buffer, left)? {
            Some((length, from)) if from == peer => return Ok(Some(length)),
            Some(_) => {}
            None => return Ok(None),
        }
    }
}
