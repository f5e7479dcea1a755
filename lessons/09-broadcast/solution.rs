//! Solution 09 · Broadcast: find out who is there.
//!
//! Terminal 1:   cargo run --bin 07-echo-server -- 0.0.0.0:2425
//! Terminal 2:   cargo run --bin 09-solution

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like, source_address};
use sockets_by_example::datagram::{LONGEST, receive_within};
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::say;

/// Asks everybody who is there, and lists those who answer within 300 ms.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 09 of the book: Broadcast.")]
struct Args {
    /// The broadcast address, or one receiver's own
    #[arg(default_value = "127.255.255.255:2425")]
    to: Address,
    /// The question
    #[arg(default_value = "who is there?")]
    message: String,
}

/// A machine of the same network answers within some milliseconds, and to a person this is at once.
const LISTEN: Duration = Duration::from_millis(300);

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let to = args.to.resolve()?;
    let local = any_address_like(to);
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    socket.set_broadcast(true).context("cannot allow broadcasts (SO_BROADCAST)")?;

    let payload = args.message.as_bytes();
    let sent = socket
        .send_to(payload, to)
        .with_context(|| format!("cannot send {} bytes to {to}", payload.len()))?;
    let deadline = Instant::now() + LISTEN;
    say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;

    let answerers = answerers_until(&socket, deadline)?;
    for answerer in &answerers {
        say!("{answerer}")?;
    }
    if answerers.is_empty() {
        say!("nobody is there")?;
    }
    Ok(())
}

/// Whoever sends to this socket until then.
///
/// A stranger can send from many addresses, but the time bounds what fits into it, so the set needs no
/// other bound.
fn answerers_until(socket: &UdpSocket, deadline: Instant) -> Result<BTreeSet<SocketAddr>> {
    let mut answerers = BTreeSet::new();
    let mut buffer = [0; LONGEST];
    loop {
        // Each turn waits for what is left, and not for 300 ms anew: else whoever goes on answering
        // would keep us here.
        let left = deadline.saturating_duration_since(Instant::now());
        let received = receive_within(socket, &mut buffer, Seconds(left));
        match received.context("cannot receive")? {
            Some((_, from)) => answerers.insert(from),
            None => return Ok(answerers),
        };
    }
}
