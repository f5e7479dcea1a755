//! Exercise 06 · Upper case: a service of verbs.
//!
//! The lesson's service can do one thing, and has no way to say that it cannot: whatever it answers looks
//! like a result. A protocol says what may be asked, and how an answer is told from an error. This one is
//! as small as a protocol can be.
//!
//! What to make
//!   The server. A request is a verb, one blank and a text: `upper some text`, `lower Some Text`,
//!   `reverse some text`. The response to it is `ok `, followed by the text in upper case, in lower case,
//!   or with its characters in reverse order: `reverse 你好` gets `ok 好你`. Whether `upper` and `lower`
//!   change the letters of ASCII alone or all letters is up to you.
//!   Everything behind the first blank is the text, with all the blanks that are in it.
//!   Anything else gets a response that begins with `error `, followed by a reason in your own words: a
//!   verb that is none of the three (they are written in lower case), a verb alone, an empty datagram,
//!   bytes that are not UTF-8. Every request gets one response.
//!   A request of more than 2048 bytes is an error too. The result of a part of it would look like the
//!   result of all of it.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 06-exercise
//!   Terminal 2:   cargo run --bin 06-upper-client
//!   Type `upper hello` in terminal 2: it shows `from 127.0.0.1:12345: ok HELLO`. Type `reverse 你好`: it
//!   shows `ok 好你`. Type `uppercase hello`, then `upper`, then an empty line: each shows `error …`.
//!   Then type `lower ERROR 404`. Can a client take the answer for an error?
//!
//! What the check looks at: `make exercise N=06`
//!   - upper and lower answer ok and the text in that case
//!   - reverse turns characters round, not bytes
//!   - everything behind the first blank is the text
//!   - anything else is answered with an error
//!   - bytes that are not UTF-8 are answered with an error
//!   - a request of more than 2048 bytes is answered with an error

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{receive, room_for};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};

/// Answers requests: a verb, a blank and a text.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 06 of the book: Upper case.")]
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
        let request = &mut buffer[..length.min(LIMIT)];
        say!("{}", received(from, request, UTF_8))?;

        // TODO: a request that was longer than LIMIT is an error.

        // TODO: take the request apart into verb and text, and make the response: `ok …` or `error …`.
        request.make_ascii_uppercase();

        let answered = socket.send_to(request, from).map(drop);
        go_on_after(answered.with_context(|| format!("cannot answer {from}")))?;
    }
}
