//! Lesson 04 · Menu chat: a person decides when to send and when to receive.
//!
//! Terminal 1:   cargo run --bin 04-menu-chat
//! Terminal 2:   cargo run --bin 04-menu-chat -- 127.0.0.1:7789 --bind 127.0.0.1:7788
//!
//! Type 1 and a text in one terminal, then 2 in the other. Whoever types 2 too early gets the menu
//! back after 5 seconds.

use std::net::{SocketAddr, UdpSocket};

use anyhow::{Context, Result, bail};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::{Address, loopback_like, source_address};
use sockets_by_example::datagram::{LONGEST, receive_within};
use sockets_by_example::program::{Seconds, finish, go_on_after};
use sockets_by_example::terminal::ask;
use sockets_by_example::{say, text};
/// A chat with a menu: send a line, receive a line, quit.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 04 of the book: Menu chat.")]
struct Args {
    /// Where the messages go
    #[arg(default_value = "127.0.0.1:7788")]
    to: Address,
    #[arg(long, value_name = "ADDR")]
    #[arg(help = "The local address; 0.0.0.0:7789 reaches other machines too \
                  [default: 127.0.0.1:7789, or [::1]:7789 for an IPv6 peer]")]
    bind: Option<Address>,
    /// The encoding of the text, both ways: utf-8, gbk, …
    #[arg(long, value_name = "LABEL", default_value = "utf-8", value_parser = text::encoding)]
    encoding: &'static Encoding,
    /// How long one "receive" waits
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    timeout: Seconds,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let to = args.to.resolve()?;
    let local = match args.bind {
        Some(address) => address.resolve()?,
        None => loopback_like(to, 7789),
    };
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;
    loop {
        say!("1: send\n2: receive\n0: quit")?;
        let Some(choice) = ask("")? else { return Ok(()) };
        let done = match choice.trim() {
            "1" => match ask("text ")? {
                Some(message) => send(&socket, to, &message, args.encoding),
                None => return Ok(()),
            },
            "2" => receive(&socket, to, args.encoding, args.timeout),
            "0" => return Ok(()),
            other => {
                say!("\"{}\" is not on the menu: type 1, 2 or 0", text::printable(other))?;
                Ok(())
            }
        };
        // A message that cannot go out is a reason to type another one, not to end.
        go_on_after(done)?;
    }
}
fn send(
    socket: &UdpSocket,
    to: SocketAddr,
    message: &str,
    encoding: &'static Encoding,
) -> Result<()> {
    let payload = text::encode(message, encoding)?;
    let sent = socket
        .send_to(&payload, to)
        .with_context(|| format!("cannot send {} bytes to {to}", payload.len()))?;
    say!("sent {sent} bytes from {} to {to}", source_address(socket, to)?)?;
    Ok(())
}
fn receive(
    socket: &UdpSocket,
    to: SocketAddr,
    encoding: &'static Encoding,
    timeout: Seconds,
) -> Result<()> {
    let mut buffer = [0; LONGEST];
    match receive_within(socket, &mut buffer, timeout)? {
        Some((length, from)) => say!("{}", text::received(from, &buffer[..length], encoding))?,
        None => bail!("no answer from {to} within {timeout}"),
    }
    Ok(())
}
