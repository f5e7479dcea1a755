//! Exercise 03 · Duplex: ask again when no answer comes, and believe only whom you asked.
//!
//! A datagram may be lost, on the way there or on the way back, and nobody tells. Who wants an answer asks
//! again, and gives up at some point. And whoever knows your port can send to it, so that something came
//! does not mean that the one you asked has answered.
//!
//! What to make
//!   `03-exercise [TO] [MESSAGE] [--bind ADDR] [--encoding LABEL]` sends MESSAGE to TO up to three times,
//!   and waits 300 ms for the answer each time. The first answer is shown as before, `from ADDR: text`.
//!   It ends the program with status 0, and nothing more is sent.
//!   Only what comes from TO, its address and its port, is an answer. A datagram from a stranger is not
//!   shown as one, gives nobody more time, and takes none away.
//!   When the third wait is over, after 0.9 seconds in all, the program says `no answer from ADDR`, with
//!   the address that it asked, on standard error, and ends with status 1. It is the same when nobody is
//!   bound to that port.
//!
//! Try it by hand
//!   Terminal 2:   cargo run --bin 03-exercise -- 127.0.0.1:7788 hello
//!   Alone it says `no answer from 127.0.0.1:7788` after 0.9 seconds. Then with somebody who answers:
//!   Terminal 1:   cargo run --bin 07-echo-server -- 127.0.0.1:7788
//!   Now terminal 2 shows `from 127.0.0.1:7788: hello`, and terminal 1 only one line. End terminal 1 with
//!   Ctrl-C. Your exercise 02 listens, too, and never answers:
//!   Terminal 1:   cargo run --bin 02-exercise -- 127.0.0.1:7788
//!   There you see your message three times. For a stranger, make the wait longer for a while, start
//!   terminal 2, and send to it from a third terminal:
//!   Terminal 3:   cargo run --bin 01-send -- 127.0.0.1:7789 "believe me"
//!
//! What the check looks at: `make exercise N=03`
//!   - without an answer it asks three times, 300 ms apart
//!   - then it says that there is no answer, and ends with status 1
//!   - an answer to the second ask ends it, and there is no third
//!   - an answer counts only from the address that was asked
//!   - a stranger's datagram gives no more time, and takes none away
//!   - a port where nobody is bound is no answer either

use std::net::UdpSocket;

use anyhow::{Context, Result, bail};
use clap::Parser;
use encoding_rs::Encoding;
use sockets_by_example::address::{Address, loopback_like, source_address};
use sockets_by_example::datagram::{LONGEST, receive_within};
use sockets_by_example::program::{Seconds, finish};
use sockets_by_example::terminal::ask;
use sockets_by_example::{say, text};

/// Sends one UDP datagram, up to three times, and waits for the answer of whom it asked.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 03 of the book: Duplex.")]
struct Args {
    /// Where the message goes
    #[arg(default_value = "127.0.0.1:7788")]
    to: Address,
    /// The text to send [default: asks for it]
    message: Option<String>,
    #[arg(long, value_name = "ADDR")]
    #[arg(help = "The local address; 0.0.0.0:7789 reaches other machines too \
                  [default: 127.0.0.1:7789, or [::1]:7789 for an IPv6 peer]")]
    bind: Option<Address>,
    /// The encoding of the text, both ways: utf-8, gbk, …
    #[arg(long, value_name = "LABEL", default_value = "utf-8", value_parser = text::encoding)]
    encoding: &'static Encoding,
    // TODO: the wait is no longer a choice: it is 300 ms for each of three asks.
    /// How long to wait for the answer
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

    let typed = match args.message {
        Some(message) => Some(message),
        None => ask("")?,
    };
    let Some(message) = typed else { return Ok(()) };
    let payload = text::encode(&message, args.encoding)?;

    // TODO: do this up to three times, as long as no answer comes.
    let sent = socket
        .send_to(&payload, to)
        .with_context(|| format!("cannot send {} bytes from {local} to {to}", payload.len()))?;
    say!("sent {sent} bytes from {} to {to}", source_address(&socket, to)?)?;

    let mut buffer = [0; LONGEST];
    // TODO: take nothing from strangers, and let them give nobody more time.
    match receive_within(&socket, &mut buffer, args.timeout)? {
        Some((length, from)) => say!("{}", text::received(from, &buffer[..length], args.encoding))?,
        None => bail!("no answer from {to} within {}", args.timeout),
    }
    Ok(())
}
