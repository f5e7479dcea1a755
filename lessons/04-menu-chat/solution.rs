//! Solution 04 · Menu chat: a person types whom to talk to.
//!
//! Terminal 1:   cargo run --bin 04-solution
//! Terminal 2:   cargo run --bin 04-menu-chat -- 127.0.0.1:7789 --bind 127.0.0.1:7788
//! Terminal 3:   cargo run --bin 04-menu-chat -- 127.0.0.1:7789 --bind 127.0.0.1:7790
//!
//! In terminal 1, type 3 and the address of terminal 2 or 3, and then 1 and a text.

use std::net::{SocketAddr, UdpSocket};

use anyhow::{Context, Error, Result, bail};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::{Address, loopback_like, source_address};
use sockets_by_example::datagram::{LONGEST, receive_within};
use sockets_by_example::program::{Seconds, finish, go_on_after};
use sockets_by_example::terminal::ask;
use sockets_by_example::{say, text};

/// A chat with a menu: send a line, receive a line, choose the peer, quit.
#[derive(Parser)]
#[command(after_help = "The solution of the exercise of chapter 04 of the book: Menu chat.")]
struct Args {
    /// Where the messages go, at first
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
    let mut to = args.to.resolve()?;
    let local = match args.bind {
        Some(address) => address.resolve()?,
        None => loopback_like(to, 7789),
    };
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    loop {
        say!("1: send\n2: receive\n3: address\n0: quit")?;
        let Some(choice) = ask("")? else { return Ok(()) };
        let done = match choice.trim() {
            "1" => match ask("text ")? {
                Some(message) => send(&socket, to, &message, args.encoding),
                None => return Ok(()),
            },
            "2" => receive(&socket, to, args.encoding, args.timeout),
            "3" => match ask("address ")? {
                Some(typed) => choose(&socket, &typed).map(|chosen| to = chosen),
                None => return Ok(()),
            },
            "0" => return Ok(()),
            other => {
                say!("\"{}\" is not on the menu: type 1, 2, 3 or 0", text::printable(other))?;
                Ok(())
            }
        };
        // What cannot go out, and what is no address, is a reason to type something else, not to end.
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

/// The address that a person typed, if it is one and `socket` can send there.
fn choose(socket: &UdpSocket, typed: &str) -> Result<SocketAddr> {
    let address: Address = typed.trim().parse().map_err(Error::msg)?;
    let chosen = address.resolve()?;
    let local = socket.local_addr()?;
    // Said now, to whoever typed it, and not again with each message that cannot go out.
    if chosen.is_ipv4() != local.is_ipv4() {
        bail!("{chosen} is not reached from {local}: one is IPv4, the other IPv6");
    }
    say!("messages go to {chosen} now")?;
    Ok(chosen)
}
