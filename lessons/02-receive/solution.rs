//! Solution 02 · Receive: one message after the other, numbered, until somebody says bye.
//!
//! Terminal 1:   cargo run --bin 02-solution -- --buffer 4
//! Terminal 2:   cargo run --bin 01-send -- 127.0.0.1:7878 three
//!               cargo run --bin 01-send -- 127.0.0.1:7878 bye

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{receive, room_for};
use sockets_by_example::program::finish;
use sockets_by_example::{say, text};

/// Waits for UDP datagrams and shows each with its number, until one is `bye`.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 02 of the book: Receive.")]
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
    for number in 1_u64.. {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let cut = length > limit;
        // Only what this datagram wrote: behind it stands what is left of longer ones before.
        let kept = &buffer[..length.min(limit)];
        let shown = text::received(from, kept, args.encoding);
        say!("{number}: {shown}{}", if cut { " (cut)" } else { "" })?;
        // The bytes, and not the text on the screen. And all of them: with a buffer of 3, what is left
        // of "bye bye" looks like it.
        if kept == b"bye" && !cut {
            break;
        }
    }
    Ok(())
}
