//! Lesson 10 · Group chat, the server: what one member says, all the others hear.
//!
//! Terminal 1:   cargo run --bin 10-group-server
//! Terminal 2:   cargo run --bin 10-group-client -- --name alice
//! Terminal 3:   cargo run --bin 10-group-client -- --name bob
//!
//! In a client: `/name NAME`, `/who`, `/quit`; anything else is said to all others.

mod group;

use std::net::UdpSocket;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{Seconds, finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};

use group::{Group, Outgoing};
/// Passes each member's message, of at most 1406 bytes, on to every other member.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 10 of the book: Group chat.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:6001")]
    addr: Address,
    /// How many members the group may have; later ones are told that it is full
    #[arg(long, value_name = "COUNT", default_value = "1024")]
    members: usize,
    /// How long a member may be silent before it counts as gone
    #[arg(long, value_name = "SECONDS", default_value = "600")]
    idle: Seconds,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;
    let mut group = Group::new(args.members, args.idle.0);
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let (datagram, now) = (&buffer[..length], Instant::now());
        say!("{}", received(from, datagram, UTF_8))?;
        let goodbye = group.drop_idle(from, now);
        let message = group.hear(from, datagram, now);
        for outgoing in [goodbye, message].into_iter().flatten() {
            send(&socket, &outgoing)?;
        }
    }
}
fn send(socket: &UdpSocket, outgoing: &Outgoing) -> Result<()> {
    for &to in &outgoing.to {
        // One member who cannot be reached must not cut off those behind it in the list.
        let sent = socket.send_to(&outgoing.line, to).map(drop);
        go_on_after(sent.with_context(|| format!("cannot send to {to}")))?;
    }
    Ok(())
}
