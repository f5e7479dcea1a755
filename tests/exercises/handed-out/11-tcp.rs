//! Exercise 11 · TCP: an answer for each line, however the pieces arrive.
//!
//! A stream has no messages, so whoever wants messages marks where each one ends. A line feed is the
//! oldest of these marks: chats, mail and the web speak in lines. Whoever waits for a mark that never
//! comes must not keep all that comes instead.
//!
//! What to make
//!   Answer each line, and no longer each piece. A line ends with a line feed, `\n`; an empty line is a
//!   line too. Show it as one line, `from ADDR: TEXT`, without its line feed, and answer `thank you !`,
//!   11 bytes and nothing behind them. What comes behind the last line feed is kept until the rest of
//!   its line comes: each client has its own half of a line. What is left when the stream ends is no
//!   line: it is not answered. If more than 1024 bytes of a line are there and its end is not, let the
//!   client go: close its connection, and go on serving the others. What you do with a `\r` before the
//!   `\n` is up to you.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 11-exercise
//!   Terminal 2:   cargo run --bin 11-tcp-client -- 127.0.0.1:7788 "one
//!                 two
//!                 "
//!   Terminal 1 shows two lines, `one` and `two`. Terminal 2 says thank you twice. Without the last
//!   line feed, `two` is no line, and there is one answer.
//!
//! What the check looks at: `make exercise N=11`
//!   - several lines in one piece get an answer each
//!   - a line in two pieces gets one answer, and not before its end
//!   - a line that comes byte by byte is shown as it was written
//!   - two clients do not get each other's halves, and a silent one keeps nobody out
//!   - what is left at the end of the stream is not answered
//!   - a line without an end is not kept, and nobody else notices

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::say;
use sockets_by_example::stream::{read_within, serve};
use sockets_by_example::text::{UTF_8, received};

/// Answers each line of a client with "thank you !".
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 11 of the book: TCP.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:7788")]
    addr: Address,
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
    serve(&listener, CLIENTS, |stream, from| answer_until_closed(stream, from, args.idle))
}

fn answer_until_closed(mut stream: TcpStream, from: SocketAddr, idle: Seconds) -> Result<()> {
    stream.set_write_timeout(Some(idle.0))?;
    let mut buffer = [0; 1024];
    // TODO: a place for what has come of a line whose end has not.
    loop {
        let Some(length) = read_within(&mut stream, &mut buffer, idle).context("cannot read")?
        else {
            say!("{from} said nothing for {idle} and is let go")?;
            return Ok(());
        };
        if length == 0 {
            say!("{from} closed")?;
            return Ok(());
        }
        // TODO: cut the stream at each line feed. Now a piece is taken for a line.
        say!("{}", received(from, &buffer[..length], UTF_8))?;
        stream.write_all(b"thank you !").context("cannot answer")?;
        // TODO: let the client go when its line becomes too long.
    }
}
