//! Exercise 05 · Take turns: a server that knows its clients.
//!
//! The lesson's server forgets whom it talks to as soon as it has answered. A server that greets, counts
//! or lets somebody log in has to remember something about each client, and to forget it again. All that
//! it has to tell them apart is the address that a datagram came from.
//!
//! What to make
//!   The server. The first message from an address is a new client. It gets at once, before the person
//!   types anything, a datagram with a greeting and its own address: `welcome 127.0.0.1:54321`. Only the
//!   first message is greeted.
//!   The server counts the messages of each client, and shows each with its number:
//!   `message 2 from 127.0.0.1:54321: hello`. The first message is number 1. Then the person types the
//!   answer, as in the lesson, to the first message too.
//!   The message `bye` is answered `bye` by the program itself, without asking the person. Then the
//!   client is forgotten: the next message from there is a first one again, with a greeting. Nobody else
//!   is forgotten. A longer message that begins with `bye` is a message as any other.
//!   Who leaves without `bye` stays in your memory. The check does not look at that; think about it.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 05-exercise
//!   Terminal 2:   cargo run --bin 05-turns-client -- --timeout 60
//!   Type `hello` in terminal 2. It shows `from 127.0.0.1:6000: welcome 127.0.0.1:…` at once, and terminal
//!   1 shows `message 1 from 127.0.0.1:…: hello` and asks for an answer. Type `hi` there. The client waits
//!   for one datagram a message, and that was the greeting: so it shows `hi` as `(late)`, when you type the
//!   next line. That line is message 2, and its answer is not late. Then type `bye` in terminal 2: it
//!   shows `from 127.0.0.1:6000: bye`, and terminal 1 asks for nothing.
//!   A second client in terminal 3 begins at message 1.
//!
//! What the check looks at: `make exercise N=05`
//!   - a new client is greeted with its address before the person answers
//!   - the messages of a client are numbered, and only the first is greeted
//!   - two clients of one machine are greeted and counted apart
//!   - bye is answered by the program itself, and no other message is
//!   - after bye the client is a new one, and nobody else is

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::terminal::ask;
use sockets_by_example::text::{UTF_8, received};

/// A chat at the console, the side that answers: it greets each client and counts its messages.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 05 of the book: Take turns.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:6000")]
    addr: Address,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    // TODO: something that remembers how many messages each client has sent.
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;

        // TODO: answer `bye` here, forget the client, and wait for the next message.

        // TODO: count this message, and greet the client if it is its first.

        // TODO: show the number of the message too.
        say!("{}", received(from, &buffer[..length], UTF_8))?;
        let Some(answer) = ask("")? else { return Ok(()) };
        let sent = socket.send_to(answer.as_bytes(), from).map(drop);
        go_on_after(sent.with_context(|| format!("cannot send {} bytes to {from}", answer.len())))?;
    }
}
