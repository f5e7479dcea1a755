//! Exercise 04 · Menu chat: a person types whom to talk to.
//!
//! What a person types is text, and becomes an address only when it passes several tests: its form, its
//! port, its family. The socket does not care whom you talk to. One is enough for all peers.
//!
//! What to make
//!   The menu gets a third entry, in a line of its own:
//!     3: address
//!   Who types 3 is asked for the peer's address and port, on one line: 127.0.0.1:7790. From then on
//!   messages go there. The socket stays the same: all peers see the same port, and what anybody sends to
//!   it can still be received, as before.
//!   What is not an address gets a clear line on standard error. The menu comes back, and the old address
//!   stays. It is the same for an address that this socket cannot reach because it is of the other family:
//!   `[::1]:7788`, when the socket has an IPv4 address. Who types nothing keeps the old address, too; a line
//!   about it is up to you. Ctrl-D in place of an address ends the program, as it does everywhere.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 04-exercise
//!   Terminal 2:   cargo run --bin 04-menu-chat -- 127.0.0.1:7789 --bind 127.0.0.1:7788
//!   Terminal 3:   cargo run --bin 04-menu-chat -- 127.0.0.1:7789 --bind 127.0.0.1:7790
//!   In terminal 1 type 1 and a text; 2 in terminal 2 shows it. Then type 3 and 127.0.0.1:7790, and once
//!   more 1 and a text; 2 in terminal 3 shows it, from the same port. Now type 3 and 127.0.0.1, 3 and
//!   127.0.0.1:99999, 3 and `[::1]:7788`. Each gets its line, and your next text still goes to terminal 3.
//!
//! What the check looks at: `make exercise N=04`
//!   - the menu has the line 3: address
//!   - messages go to the address that was typed last
//!   - what is not an address gets a line on standard error, and the old one stays
//!   - so does an address of the other family
//!   - all peers see the same port, and all are heard
//!   - Ctrl-D in place of an address ends the program

use std::net::{SocketAddr, UdpSocket};

use anyhow::{Context, Result, bail};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::{Address, loopback_like, source_address};
use sockets_by_example::datagram::{LONGEST, receive_within};
use sockets_by_example::program::{Seconds, finish, go_on_after};
use sockets_by_example::terminal::ask;
use sockets_by_example::{say, text};

/// A chat with a menu: send a line, receive a line, choose the peer, quit.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 04 of the book: Menu chat.")]
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
    let to = args.to.resolve()?;
    let local = match args.bind {
        Some(address) => address.resolve()?,
        None => loopback_like(to, 7789),
    };
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    loop {
        // TODO: the third entry, here and in the `match`. What is typed there may change `to`.
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
