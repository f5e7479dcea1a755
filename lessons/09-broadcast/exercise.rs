//! Lesson 09 · Broadcast, the sender: one datagram for everybody who listens.
//!
//! Terminals 1 and 2:   cargo run --bin 09-broadcast-receive
//! Terminal 3:          cargo run --bin 09-broadcast-send
//!
//! The message has the form of IPMSG, the LAN messenger that Feiq speaks too.

use std::net::UdpSocket;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::{Address, any_address_like, source_address};
use sockets_by_example::program::finish;
use sockets_by_example::say;
/// Broadcasts one message of the LAN messenger IPMSG.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 09 of the book: Broadcast.")]
struct Args {
    /// The broadcast address, or one receiver's own
    #[arg(default_value = "127.255.255.255:2425")]
    to: Address,
    /// The text of the message
    #[arg(default_value = "will broadcast")]
    message: String,
    /// The sender's name, the third field
    #[arg(long, value_name = "NAME", default_value = "will", value_parser = field)]
    user: String,
    /// The sender's computer, the fourth field
    #[arg(long, value_name = "NAME", default_value = "will-pc", value_parser = field)]
    host: String,
}

/// The command "here is a message for you".
const SENDMSG: u32 = 32;
/// The option "its text is in UTF-8", added to the command. Without it a receiver takes the text for
/// the code page of its own country: GBK in China. (The receiver has it too, in ipmsg.rs.)
const UTF8: u32 = 0x80_0000;

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let to = args.to.resolve()?;
    let local = any_address_like(to);
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    // One slip of a finger must not reach a whole network: the system asks for this word first.
    socket.set_broadcast(true).context("cannot allow broadcasts (SO_BROADCAST)")?;
    let Args { message, user, host, .. } = args;
    // A receiver knows a message that comes twice by its number, so ours must grow: it is the time.
    let number = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs());
    let plain = [&user, &host, &message].iter().all(|field| field.is_ascii());
    let command = if plain { SENDMSG } else { SENDMSG | UTF8 };
    let payload = format!("1:{number}:{user}:{host}:{command}:{message}");
    let sent = socket
        .send_to(payload.as_bytes(), to)
        .with_context(|| format!("cannot send {} bytes to {to}", payload.len()))?;
    say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;
    Ok(())
}

/// A field ends at the next colon, so it cannot hold one.
fn field(typed: &str) -> Result<String, String> {
    match typed.contains(':') {
        true => Err("a name holds no colon".into()),
        false => Ok(typed.into()),
    }
}
