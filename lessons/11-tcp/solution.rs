//! Solution 11 · TCP: an answer for each line, however the pieces arrive.
//!
//! Terminal 1:   cargo run --bin 11-solution
//! Terminal 2:   cargo run --bin 11-tcp-client -- 127.0.0.1:7788 "one
//!               two
//!               "

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
#[command(after_help = "The solution of the exercise of chapter 11 of the book: TCP.")]
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
/// How many bytes of a line are kept while its end has not come.
const LONGEST_LINE: usize = 1024;

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
    let mut unfinished = Vec::new();
    loop {
        let Some(length) = read_within(&mut stream, &mut buffer, idle).context("cannot read")?
        else {
            say!("{from} said nothing for {idle} and is let go")?;
            return Ok(());
        };
        if length == 0 {
            let place = if unfinished.is_empty() { "" } else { " in the middle of a line" };
            say!("{from} closed{place}")?;
            return Ok(());
        }
        unfinished.extend_from_slice(&buffer[..length]);

        let mut lines = 0;
        while let Some(line) = take_line(&mut unfinished) {
            say!("{}", received(from, &line, UTF_8))?;
            lines += 1;
        }
        // In one write: the second of two small ones would wait until the first is confirmed.
        stream.write_all(&b"thank you !".repeat(lines)).context("cannot answer")?;

        if unfinished.len() > LONGEST_LINE {
            say!("{from} does not end its line within {LONGEST_LINE} bytes and is let go")?;
            return Ok(());
        }
    }
}

/// Takes the first line out of these bytes, without its line ending, if its end has come.
fn take_line(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let mut line: Vec<u8> = bytes.drain(..=end).collect();
    line.pop();
    // What a terminal of Windows sends, and many a protocol of the internet.
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Some(line)
}
