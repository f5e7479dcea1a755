//! Lesson 11 · TCP, the server: listen, accept, read, answer, until the client closes.
//!
//! Terminal 1:   cargo run --bin 11-tcp-server
//! Terminal 2:   cargo run --bin 11-tcp-client
//!
//! With --once it serves one client and ends.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::say;
use sockets_by_example::stream::{read_within, serve};
use sockets_by_example::text::{PieceDecoder, UTF_8, received_text};
/// Answers each piece that it reads from a client with "thank you !".
#[derive(Parser)]
#[command(after_help = "Explained in chapter 11 of the book: TCP.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:7788")]
    addr: Address,
    /// Serve one client and end
    #[arg(long)]
    once: bool,
    /// How long a client may say nothing, or not read its answers, before it is let go
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    idle: Seconds,
}

/// How many clients are served at once; the next ones wait in the backlog.
const CLIENTS: usize = 128;

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let listener = TcpListener::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", listener.local_addr()?)?;
    if args.once {
        let (stream, from) = listener.accept().context("cannot accept a client")?;
        return answer_until_closed(stream, from, args.idle).with_context(|| from.to_string());
    }
    serve(&listener, CLIENTS, |stream, from| answer_until_closed(stream, from, args.idle))
}
fn answer_until_closed(mut stream: TcpStream, from: SocketAddr, idle: Seconds) -> Result<()> {
    stream.set_write_timeout(Some(idle.0))?;
    let mut text = PieceDecoder::new(UTF_8);
    let mut buffer = [0; 1024];
    loop {
        let Some(length) = read_within(&mut stream, &mut buffer, idle).context("cannot read")?
        else {
            say!("{from} said nothing for {idle} and is let go")?;
            return Ok(());
        };
        // A piece is what has arrived by now: half a message, or two. Only 0 bytes have a meaning of
        // their own: the client will send no more.
        let piece = text.decode(&buffer[..length], length == 0);
        if length > 0 || piece.faulty {
            say!("{}", received_text(from, &piece, UTF_8))?;
        }
        if length == 0 {
            say!("{from} closed")?;
            return Ok(());
        }
        stream.write_all(b"thank you !").context("cannot answer")?;
    }
}
