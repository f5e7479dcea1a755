//! Exercise 07 · Echo: at most five echoes a second for one sender.
//!
//! An echo server sends as much as it is sent, to whoever is named as the sender. So somebody who lies
//! about his address can make it shout at a stranger. A bound for each sender keeps that small.
//!
//! What to make
//!   Answer at most five datagrams a second for one sender. What is too much is dropped, without an
//!   answer. Other senders do not notice.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 07-exercise
//!   Terminal 2:   cargo run --bin 07-echo-client
//!   Paste six lines at once into terminal 2. Five come back; the sixth gets `no answer from …`.
//!
//! What the check looks at: `make exercise N=07`
//!   - five datagrams at once come back unchanged, the sixth does not
//!   - another sender does not notice
//!   - a second later the sender is answered again
//!   - who goes on asking too much still gets five a second

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};

/// Sends datagrams back to whoever sent them, at most five a second to each.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 07 of the book: Echo.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:8080")]
    addr: Address,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    // TODO: something that remembers when each sender was answered.
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let request = &buffer[..length];
        say!("{}", received(from, request, UTF_8))?;

        // TODO: drop this datagram if its sender got five answers within the last second.
        let answered = socket.send_to(request, from).map(drop);
        go_on_after(answered.with_context(|| format!("cannot answer {from}")))?;
    }
}
