//! Lesson 03 · Duplex: one socket sends, and then receives on the same port.
//!
//! Terminal 1, somebody who answers:   cargo run --bin 07-echo-server -- 127.0.0.1:7788
//! Terminal 2:                          cargo run --bin 03-duplex
//!
//! Without terminal 1 nobody answers: after 5 seconds it gives up and says so.

use std::net::UdpSocket;

use anyhow::{Context, Result, bail};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::{Address, loopback_like, source_address};
use sockets_by_example::datagram::{LONGEST, receive_within};
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::terminal::ask;
use sockets_by_example::{say, text};
/// Sends one UDP datagram and waits for one, from whoever sends it.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 03 of the book: Duplex.")]
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
    /// How long to wait for the answer
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
}

fn main() {
    finish(run(Args::parse()))
}

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
    let sent = socket
        .send_to(&payload, to)
        .with_context(|| format!("cannot send {} bytes from {local} to {to}", payload.len()))?;
    say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;
    let mut buffer = [0; LONGEST];
    match receive_within(&socket, &mut buffer, args.timeout)? {
        Some((length, from)) => say!("{}", text::received(from, &buffer[..length], args.encoding))?,
        None => bail!("no answer from {to} within {}", args.timeout),
    }
    Ok(())
}
