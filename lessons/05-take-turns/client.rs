//! Lesson 05 · Take turns, the client: types a line, waits, shows the answer.
//!
//! Terminal 1:   cargo run --bin 05-turns-server
//! Terminal 2:   cargo run --bin 05-turns-client -- --timeout 60
//!
//! Without --timeout you have 5 seconds for an answer. One that comes later is shown as (late), before
//! the client sends its next line.

use std::net::UdpSocket;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like};
use sockets_by_example::datagram::{LONGEST, exchange};
use sockets_by_example::program::{Seconds, finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::terminal::ask;
use sockets_by_example::text::{UTF_8, received};

// ANCHOR: arguments
/// A chat at the console, the side that asks: one line, one answer.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 05 of the book: Take turns.")]
struct Args {
    /// Where the server is
    #[arg(default_value = "127.0.0.1:6000")]
    addr: Address,
    /// How long to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
}
// ANCHOR_END: arguments

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    // ANCHOR: connect
    // Connected, the socket receives from the server alone: the system drops what strangers send.
    let server = args.addr.resolve()?;
    let local = any_address_like(server);
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    socket.connect(server).with_context(|| format!("cannot reach {server}"))?;
    // ANCHOR_END: connect

    // ANCHOR: turns
    let mut buffer = [0; LONGEST];
    while let Some(line) = ask("")? {
        let answer = exchange(&socket, line.as_bytes(), &mut buffer, args.timeout);
        let shown = answer.and_then(|length| {
            say!("{}", received(server, &buffer[..length], UTF_8))?;
            Ok(())
        });
        go_on_after(shown)?;
    }
    Ok(())
    // ANCHOR_END: turns
}
