//! Lesson 11 · TCP, the client: connect, write, read, close.
//!
//! Terminal 1:   cargo run --bin 11-tcp-server
//! Terminal 2:   cargo run --bin 11-tcp-client

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, TcpStream};

use anyhow::{Context, Result, bail};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::say;
use sockets_by_example::stream::read_within;
use sockets_by_example::text::{PieceDecoder, UTF_8, received_text};

// ANCHOR: arguments
/// Sends one message over TCP and shows what is answered.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 11 of the book: TCP.")]
struct Args {
    /// Where the server is
    #[arg(default_value = "127.0.0.1:7788")]
    addr: Address,
    /// The text to send, in UTF-8
    #[arg(default_value = "hello word")]
    message: String,
    /// How long to wait for the connection, and for each piece of the answer
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
}
// ANCHOR_END: arguments

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    // ANCHOR: connect
    let server = args.addr.resolve()?;
    let mut stream = TcpStream::connect_timeout(&server, args.timeout.0)
        .with_context(|| format!("cannot connect to {server}"))?;
    stream.set_write_timeout(Some(args.timeout.0))?;
    // ANCHOR_END: connect

    // ANCHOR: write
    // `write` may take only a part of the bytes; `write_all` goes on until all are taken.
    stream
        .write_all(args.message.as_bytes())
        .with_context(|| format!("cannot send {} bytes to {server}", args.message.len()))?;
    say!("sent {} bytes from {} to {server}", args.message.len(), stream.local_addr()?)?;
    // ANCHOR_END: write

    // ANCHOR: read
    let mut text = PieceDecoder::new(UTF_8);
    let mut buffer = [0; 1024];
    let mut total = 0;
    loop {
        let length = match read_within(&mut stream, &mut buffer, args.timeout) {
            Ok(Some(length)) => length,
            Ok(None) if total == 0 => bail!("no answer from {server} within {}", args.timeout),
            Ok(None) => {
                say!("({server} has answered and keeps the connection open; we close it)")?;
                break;
            }
            // A server that closes with a part of our message unread resets the connection.
            Err(error) if total > 0 && error.kind() == ErrorKind::ConnectionReset => {
                say!("({server} has answered and reset the connection)")?;
                break;
            }
            Err(error) => {
                return Err(error).with_context(|| format!("the connection to {server} broke"));
            }
        };
        let piece = text.decode(&buffer[..length], length == 0);
        if length > 0 || piece.faulty {
            say!("{}", received_text(server, &piece, UTF_8))?;
        }
        if length == 0 {
            break;
        }
        if total == 0 {
            // A half-close: the server learns that no more will come, and can still answer. Not before
            // its first answer: there are servers that end, unanswered, when their client seems to.
            // One that has closed already has nothing to learn.
            let _ = stream.shutdown(Shutdown::Write);
        }
        total += length;
    }
    if total == 0 {
        bail!("{server} closed the connection without an answer");
    }
    Ok(())
    // ANCHOR_END: read
}
