//! Exercise 02 · Receive: one message after the other, numbered, until somebody says bye.
//!
//! Most receivers stand in a loop. So what one datagram leaves behind, in the buffer or in a variable,
//! must not leak into the next. And a receiver that obeys a word must know that it saw the whole message:
//! what is left of a longer one may look like that word.
//!
//! What to make
//!   `02-exercise [ADDR] [--encoding LABEL] [--buffer BYTES]` goes on until a message is `bye`, these
//!   three bytes and nothing else. An empty message does not end it either. Each message is shown with
//!   its number in front, counted from 1, whoever sent it:
//!     1: from 127.0.0.1:54321: one
//!   A message that was longer than the buffer is marked with `(cut)` behind what is left of it:
//!     2: from 127.0.0.1:54321: thre (cut)
//!   One that fills the buffer to the last byte is whole, and is not marked.
//!   `bye` ends the program with status 0. Whether you show it, too, is up to you. A message that was
//!   cut is never `bye`.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 02-exercise -- --buffer 4
//!   Terminal 2:   cargo run --bin 01-send -- 127.0.0.1:7878 one
//!                 cargo run --bin 01-send -- 127.0.0.1:7878 three
//!                 cargo run --bin 01-send -- 127.0.0.1:7878 "bye bye"
//!                 cargo run --bin 01-send -- 127.0.0.1:7878 bye
//!   Terminal 1 shows `1: from …: one`, `2: from …: thre (cut)` and `3: from …: bye  (cut)`, and ends
//!   with the last of them. Then try all of it with `--buffer 3`.
//!
//! What the check looks at: `make exercise N=02`
//!   - it goes on after a message, and after an empty one
//!   - each message is shown with its number in front, from 1 on
//!   - a message longer than the buffer is marked as cut, one that fills it is not
//!   - bye ends it with status 0
//!   - a message that only contains bye does not end it
//!   - a message that was cut is never bye

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::room_for;
use sockets_by_example::program::finish;
use sockets_by_example::{say, text};

/// Waits for UDP datagrams and shows each with its number, until one is `bye`.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 02 of the book: Receive.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:7878")]
    addr: Address,
    /// The encoding of the text: utf-8, gbk, …
    #[arg(long, value_name = "LABEL", default_value = "utf-8", value_parser = text::encoding)]
    encoding: &'static Encoding,
    /// How many bytes of each datagram to take; the rest is gone
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
    // TODO: go on until a message is `bye`, and count the messages.
    let (length, from) = socket.recv_from(&mut buffer).context("cannot receive")?;
    let kept = &buffer[..length.min(limit)];
    // TODO: put the number in front, and in place of the second line `(cut)` behind.
    say!("{}", text::received(from, kept, args.encoding))?;
    if length > limit {
        say!("(cut: it was longer than the buffer of {limit} bytes, and the rest is gone)")?;
    }
    Ok(())
}
