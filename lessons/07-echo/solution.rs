//! Solution 07 · Echo: at most five echoes a second for one sender.
//!
//! Terminal 1:   cargo run --bin 07-solution
//! Terminal 2:   cargo run --bin 07-echo-client

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};

/// Sends datagrams back to whoever sent them, at most five a second to each.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 07 of the book: Echo.")]
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

    let mut limit = Limit::default();
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let request = &buffer[..length];
        say!("{}", received(from, request, UTF_8))?;
        if !limit.allows(from, Instant::now()) {
            continue;
        }
        let answered = socket.send_to(request, from).map(drop);
        go_on_after(answered.with_context(|| format!("cannot answer {from}")))?;
    }
}

const MOST: usize = 5;
const WITHIN: Duration = Duration::from_secs(1);

/// When each sender was answered, as far as that still counts.
#[derive(Default)]
struct Limit {
    answered: HashMap<SocketAddr, VecDeque<Instant>>,
}

impl Limit {
    /// Whether this sender may be answered now. If so, that is one of its five.
    fn allows(&mut self, sender: SocketAddr, now: Instant) -> bool {
        // A sender costs memory only as long as an answer to it counts, so the table does not grow with
        // everybody who was ever here.
        self.answered.retain(|_, times| {
            while times.front().is_some_and(|time| now - *time >= WITHIN) {
                times.pop_front();
            }
            !times.is_empty()
        });
        let times = self.answered.entry(sender).or_default();
        let allowed = times.len() < MOST;
        if allowed {
            times.push_back(now);
        }
        allowed
    }
}
