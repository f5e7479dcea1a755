//! Lesson 09 · Broadcast, the receiver: hears what is sent to everybody, as often as it comes.
//!
//! Terminals 1 and 2:   cargo run --bin 09-broadcast-receive
//! Terminal 3:          cargo run --bin 09-broadcast-send
//!
//! Both receivers share the port 2425, and on Linux both hear the one datagram. The loopback of macOS
//! and Windows may not broadcast: there start one receiver, and send to it alone with
//! cargo run --bin 09-broadcast-send -- 127.0.0.1:2425

mod ipmsg;

use std::net::{SocketAddr, UdpSocket};

use anyhow::{Context, Result};
use clap::Parser;
use encoding_rs::{Encoding, GBK};
use socket2::{Domain, Socket, Type};
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::finish;
use sockets_by_example::say;
use sockets_by_example::text::{self, Decoded, UTF_8, printable, received};

// ANCHOR: arguments
/// Shows every message that is broadcast to a port, and takes those of IPMSG apart.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 09 of the book: Broadcast.")]
struct Args {
    /// Where to listen; a broadcast does not reach a socket bound to 127.0.0.1
    #[arg(default_value = "0.0.0.0:2425")]
    addr: Address,
    /// The encoding of text that does not say itself that it is UTF-8 [default: gbk for IPMSG, which
    /// means the code page of its country, and utf-8 for other text]
    #[arg(long, value_name = "LABEL", value_parser = text::encoding)]
    encoding: Option<&'static Encoding>,
}
// ANCHOR_END: arguments

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = bind_shared(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    // ANCHOR: receive
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let datagram = &buffer[..length];
        match ipmsg::parse(datagram, args.encoding.unwrap_or(GBK)) {
            Some(message) => show(from, message)?,
            None => say!("{}", received(from, datagram, args.encoding.unwrap_or(UTF_8)))?,
        }
    }
    // ANCHOR_END: receive
}

// ANCHOR: bind
/// A socket that shares its port with others that agree to share it. The standard library has no
/// word for that option, so the socket is made step by step: create, set, bind.
fn bind_shared(local: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(local), Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    // The systems that descend from BSD, macOS among them, want this one for the same purpose.
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuse_port(true)?;
    socket.bind(&local.into())?;
    Ok(socket.into())
}
// ANCHOR_END: bind

// ANCHOR: show
fn show(from: SocketAddr, message: ipmsg::Message) -> Result<()> {
    let ipmsg::Message { version, number, user, host, command, .. } = message;
    let decoded = Decoded { text: message.text, faulty: message.faulty };
    let mut lines = text::received_text(from, &decoded, message.encoding);
    lines += &format!("\n  version: {version}\n  packet number: {number}");
    lines += &format!("\n  user: {}\n  host: {}", printable(&user), printable(&host));
    lines += &format!("\n  command: {command} ({})", ipmsg::command_name(command));
    lines += &format!("\n  text: {}", printable(&decoded.text));
    if !message.extra.is_empty() {
        lines += &format!("\n  extra: {}", printable(&message.extra));
    }
    say!("{lines}")?;
    Ok(())
}
// ANCHOR_END: show
