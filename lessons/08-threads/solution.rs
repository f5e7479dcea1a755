//! Solution 08 · Threads: a chat that confirms what it gets.
//!
//! Terminal 1:   cargo run --bin 08-solution
//! Terminal 2:   cargo run --bin 08-solution -- 127.0.0.1:8081 --to 127.0.0.1:8080

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, loopback_like};
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::terminal::{complain, read_line};
use sockets_by_example::text::{UTF_8, received};

/// A chat in which both sides send and receive at the same time, and confirm what they get.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 08 of the book: Threads.")]
struct Args {
    #[arg(help = "Where to listen [default: 127.0.0.1:8080, or [::1]:8080 for an IPv6 peer]")]
    addr: Option<Address>,
    /// Whom to talk to [default: whoever sends the first datagram]
    #[arg(long, value_name = "PEER")]
    to: Option<Address>,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let to = args.to.map(|address| address.resolve()).transpose()?;
    let local = match args.addr {
        Some(address) => address.resolve()?,
        None => loopback_like(to.unwrap_or(([127, 0, 0, 1], 0).into()), 8080),
    };
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    let socket = Arc::new(socket);
    let peer = Arc::new(to.map_or_else(OnceLock::new, OnceLock::from));
    let (its_socket, its_peer) = (socket.clone(), peer.clone());
    thread::spawn(move || finish(receive_all(&its_socket, &its_peer)));
    send_all(&socket, &peer)
}

fn receive_all(socket: &UdpSocket, peer: &OnceLock<SocketAddr>) -> Result<()> {
    // Only this thread counts, so nothing has to be shared with the other one.
    let mut counts = Counts::default();
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(socket, &mut buffer).context("cannot receive")?;
        let message = &buffer[..length];
        peer.get_or_init(|| from);
        say!("{}", received(from, message, UTF_8))?;

        // Whoever confirms a confirmation never stops, if the other side does so too.
        if is_confirmation(message) {
            continue;
        }
        let confirmation = format!("seen {}", counts.count(from, Instant::now()));
        let sent = socket.send_to(confirmation.as_bytes(), from).map(drop);
        go_on_after(sent.with_context(|| format!("cannot confirm a message of {from}")))?;
    }
}

/// Whether this is `seen`, a blank and decimal digits. A person can type that too: bare text cannot
/// tell the two apart.
fn is_confirmation(message: &[u8]) -> bool {
    let number = message.strip_prefix(b"seen ").unwrap_or_default();
    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

/// How many senders are remembered.
const MOST: usize = 1000;

/// How many messages each sender has sent, and when the last one came.
#[derive(Default)]
struct Counts {
    senders: HashMap<SocketAddr, (u64, Instant)>,
}

impl Counts {
    /// Counts a message from this sender that came `now`: its number, 1 for the first.
    fn count(&mut self, from: SocketAddr, now: Instant) -> u64 {
        // Anybody may send to us, under as many false addresses as he likes. So a new sender takes the
        // place of whoever has been silent longest.
        if self.senders.len() >= MOST && !self.senders.contains_key(&from) {
            let silent = self.senders.iter().min_by_key(|(_, (_, last))| *last);
            if let Some((&address, _)) = silent {
                self.senders.remove(&address);
            }
        }
        let (messages, last) = self.senders.entry(from).or_insert((0, now));
        *messages += 1;
        *last = now;
        *messages
    }
}

fn send_all(socket: &UdpSocket, peer: &OnceLock<SocketAddr>) -> Result<()> {
    while let Some(line) = read_line()? {
        if line == "/quit" {
            break;
        }
        let Some(to) = peer.get() else {
            complain("nobody to send to: wait for the first message, or start with --to");
            continue;
        };
        let sent = socket.send_to(line.as_bytes(), to).map(drop);
        go_on_after(sent.with_context(|| format!("cannot send {} bytes to {to}", line.len())))?;
    }
    Ok(())
}
