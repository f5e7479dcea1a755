//! Lesson 02 · Receive: bind an address, wait for one message, show it, end.
//!
//! Terminal 1:   cargo run --bin 02-receive
//! Terminal 2:   cargo run --bin 01-send
//!
//! A message longer than the buffer is cut. See it with a buffer of 4 bytes:
//!
//! Terminal 1:   cargo run --bin 02-receive -- --buffer 4
//! Terminal 2:   cargo run --bin 01-send -- 127.0.0.1:7878 "ten bytes."

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::room_for;
use sockets_by_example::program::finish;
use sockets_by_example::{say, text};
/// Waits for one UDP datagram, shows its text and its sender, and ends.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 02 of the book: Receive.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:7878")]
    addr: Address,
    /// The encoding of the text: utf-8, gbk, …
    #[arg(long, value_name = "LABEL", default_value = "utf-8", value_parser = text::encoding)]
    encoding: &'static Encoding,
    /// How many bytes of the datagram to take; the rest is gone
    #[arg(long, value_name = "BYTES", default_value = "1024")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    buffer: u32,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;
    let limit = args.buffer as usize;
    let mut buffer = vec![0; room_for(limit)];
    let (length, from) = socket.recv_from(&mut buffer).context("cannot receive")?;
    let kept = &buffer[..length.min(limit)];
    say!("{}", text::received(from, kept, args.encoding))?;
    if length > limit {
        say!("(cut: it was longer than the buffer of {limit} bytes, and the rest is gone)")?;
    }
    Ok(())
}
