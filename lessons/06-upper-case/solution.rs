//! Solution 06 · Upper case: a service of verbs.
//!
//! Terminal 1:   cargo run --bin 06-solution
//! Terminal 2:   cargo run --bin 06-upper-client

use std::net::UdpSocket;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{receive, room_for};
use sockets_by_example::program::{finish, go_on_after, sentence};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};

/// Answers requests: a verb, a blank and a text.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 06 of the book: Upper case.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:12345")]
    addr: Address,
}

/// The most that one request may hold, in bytes.
const LIMIT: usize = 2048;

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    let mut buffer = [0; room_for(LIMIT)];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let request = &buffer[..length];
        say!("{}", received(from, request, UTF_8))?;

        // The first word tells a client what the rest is, and nothing in the rest can change that: a
        // result that itself begins with `error` comes as `ok error …`.
        let response = match work(request) {
            Ok(result) => format!("ok {result}"),
            Err(reason) => format!("error {}", sentence(&reason)),
        };

        let answered = socket.send_to(response.as_bytes(), from).map(drop);
        go_on_after(answered.with_context(|| format!("cannot answer {from}")))?;
    }
}

/// Does what a request asks for: `upper`, `lower` or `reverse`, a blank and a text.
///
/// # Errors
/// The request cannot be understood. The reason is for whoever sent it.
fn work(request: &[u8]) -> Result<String> {
    ensure!(request.len() <= LIMIT, "a request has at most {LIMIT} bytes");
    let request = std::str::from_utf8(request).context("a request is text in UTF-8")?;
    let parts = request.split_once(' ');
    let (verb, text) = parts.context("a request is a verb, a blank and a text")?;
    match verb {
        "upper" => Ok(text.to_ascii_uppercase()),
        "lower" => Ok(text.to_ascii_lowercase()),
        "reverse" => Ok(text.chars().rev().collect()),
        _ => bail!("the verbs are upper, lower and reverse"),
    }
}
