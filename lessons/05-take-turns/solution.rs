//! Solution 05 · Take turns: a server that knows its clients.
//!
//! Terminal 1:   cargo run --bin 05-solution
//! Terminal 2:   cargo run --bin 05-turns-client -- --timeout 60
//!
//! The client takes one datagram for the answer to its message. A greeted one takes the greeting, and
//! shows what the person answers as (late) with its next line.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

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
#[command(after_help = "The solution of the exercise of chapter 05 of the book: Take turns.")]
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

    let mut clients = Clients::default();
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let message = &buffer[..length];

        if message == b"bye" {
            clients.forget(from);
            say!("{}", received(from, message, UTF_8))?;
            go_on_after(send(&socket, "bye", from))?;
            continue;
        }

        let number = clients.count(from, Instant::now());
        if number == 1 {
            go_on_after(send(&socket, &format!("welcome {from}"), from))?;
        }
        say!("message {number} {}", received(from, message, UTF_8))?;
        let Some(answer) = ask("")? else { return Ok(()) };
        go_on_after(send(&socket, &answer, from))?;
    }
}

fn send(socket: &UdpSocket, text: &str, to: SocketAddr) -> Result<()> {
    let sent = socket.send_to(text.as_bytes(), to).map(drop);
    sent.with_context(|| format!("cannot send {} bytes to {to}", text.len()))
}

/// How many clients are remembered.
const MOST: usize = 1000;

/// What the server remembers of those who talk to it.
#[derive(Default)]
struct Clients {
    known: HashMap<SocketAddr, Client>,
}

struct Client {
    messages: u64,
    last: Instant,
}

impl Clients {
    /// Counts a message from this address that came `now`: its number, 1 if the client is new.
    fn count(&mut self, from: SocketAddr, now: Instant) -> u64 {
        if self.known.len() >= MOST && !self.known.contains_key(&from) {
            self.forget_the_longest_silent();
        }
        let client = self.known.entry(from).or_insert(Client { messages: 0, last: now });
        client.messages += 1;
        client.last = now;
        client.messages
    }

    fn forget(&mut self, from: SocketAddr) {
        self.known.remove(&from);
    }

    /// Most clients leave without `bye`, and whoever can write a false address makes as many as he
    /// likes. So there is room for so many, and a new one takes the place of the one least likely to
    /// come back.
    fn forget_the_longest_silent(&mut self) {
        let silent = self.known.iter().min_by_key(|(_, client)| client.last);
        if let Some((&address, _)) = silent {
            self.forget(address);
        }
    }
}
