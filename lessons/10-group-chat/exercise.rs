//! Exercise 10 · Group chat: `/to NAME text` reaches one member.
//!
//! In a group everybody hears everything. To say something to one member, a line must hold whom it is
//! for, and the server must find the way: that is routing.
//!
//! What to make
//!   `/to bob are you there?`, said by alice, goes to bob alone, as `alice (to you): are you there?`.
//!   If nobody has that name, whole and to the letter, she is answered `nobody of that name is here`.
//!   Who has no name yet is reached by the address that `/who` shows.
//!   The first blank behind `/to ` ends the name. So a name holds no blank any more, and
//!   `/name big bob` is answered `not your name: a name has no blank`.
//!   `/to` and `/to bob`, without a text, are answered with a line that holds `/to NAME text`.
//!   The text may be in any encoding, and goes on as it is. It has at most 1397 bytes, so that the
//!   longest name, ` (to you): ` and the text fit into 1472; a longer one is not sent, and is answered
//!   `not passed on: a message has at most 1397 bytes`.
//!   All else is as it was: a first line joins, whatever it is; `/tomorrow we meet` is a message for all.
//!
//! Try it by hand
//!   Terminal 1:   cargo run --bin 10-exercise
//!   Terminal 2:   cargo run --bin 10-group-client -- --name alice
//!   Terminal 3:   cargo run --bin 10-group-client -- --name bob
//!   Terminal 4:   cargo run --bin 10-group-client -- --name carol
//!   In terminal 2 type `/to bob are you there?`: terminal 3 shows it, terminal 4 does not. Then type
//!   `/to nobody hello`, and read `nobody of that name is here`.
//!
//! What the check looks at: `make exercise N=10`
//!   - what is said to one reaches that one alone
//!   - a name that nobody has is answered to who said it, and to nobody else
//!   - who has no name joins with a /to, and is reached by the address
//!   - a new name counts at once, and holds no blank
//!   - a /to without a text is explained, and /tomorrow is a message
//!   - a text to one goes on as it is, up to 1397 bytes

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::datagram::{LONGEST, receive};
use sockets_by_example::program::{finish, go_on_after};
use sockets_by_example::say;
use sockets_by_example::text::{UTF_8, received};

/// Passes each member's message on: to every other member, or with /to NAME to one.
#[derive(Parser)]
#[command(after_help = "The exercise of chapter 10 of the book: Group chat.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:6001")]
    addr: Address,
}

/// How many members the group may have.
const MOST_MEMBERS: usize = 1024;
/// How long a member may be silent before it counts as gone.
const IDLE: Duration = Duration::from_secs(600);
/// The longest text of one message in bytes. With the longest name and ": " it makes 1472 bytes, what
/// one Ethernet frame carries in a UDP datagram over IPv4: 1500 less 20 for IP and 8 for UDP.
const LONGEST_TEXT: usize = 1472 - LONGEST_NAME - 2;
// TODO: the longest text to one member, which has ` (to you)` in front as well.
/// The longest name in bytes.
const LONGEST_NAME: usize = 64;
/// The most bytes of names in one answer to `/who`.
const LONGEST_LIST: usize = 1024;

fn main() {
    finish(run(Args::parse()))
}

fn run(args: Args) -> Result<()> {
    let local = args.addr.resolve()?;
    let socket = UdpSocket::bind(local).with_context(|| format!("cannot bind {local}"))?;
    say!("listening on {}", socket.local_addr()?)?;

    let mut group = Group::default();
    let mut buffer = [0; LONGEST];
    loop {
        let (length, from) = receive(&socket, &mut buffer).context("cannot receive")?;
        let (datagram, now) = (&buffer[..length], Instant::now());
        say!("{}", received(from, datagram, UTF_8))?;
        let goodbye = group.drop_idle(from, now);
        let message = group.hear(from, datagram, now);
        for outgoing in [goodbye, message].into_iter().flatten() {
            send(&socket, &outgoing)?;
        }
    }
}

fn send(socket: &UdpSocket, outgoing: &Outgoing) -> Result<()> {
    for &to in &outgoing.to {
        // One member who cannot be reached must not cut off those behind it in the list.
        let sent = socket.send_to(&outgoing.line, to).map(drop);
        go_on_after(sent.with_context(|| format!("cannot send to {to}")))?;
    }
    Ok(())
}

/// The members, by the address that they send from.
#[derive(Default)]
struct Group {
    members: HashMap<SocketAddr, Member>,
    next_look: Option<Instant>,
}

struct Member {
    name: String,
    heard: Instant,
}

/// One line for each of some members.
struct Outgoing {
    to: Vec<SocketAddr>,
    line: Vec<u8>,
}

impl Outgoing {
    fn one(to: SocketAddr, line: impl Into<Vec<u8>>) -> Self {
        Self { to: vec![to], line: line.into() }
    }
}

impl Group {
    /// What is to be sent because this datagram came at this time.
    fn hear(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Option<Outgoing> {
        let line = one_line(datagram);
        if !self.members.contains_key(&from) {
            if line == b"/quit" {
                return None;
            }
            if self.members.len() >= MOST_MEMBERS {
                let full = format!("the group is full: it has {MOST_MEMBERS} members");
                return Some(Outgoing::one(from, full));
            }
            // Until it chooses a name, a member is called by its address.
            self.members.insert(from, Member { name: from.to_string(), heard: now });
        }
        self.members.get_mut(&from)?.heard = now;

        match line.strip_prefix(b"/name") {
            Some(name) if name.is_empty() || name[0] == b' ' => {
                self.rename(from, name).err().map(|refusal| Outgoing::one(from, refusal))
            }
            // TODO: `/to NAME text`.
            _ if line == b"/who" => Some(Outgoing::one(from, self.list())),
            _ if line == b"/quit" => {
                self.members.remove(&from);
                None
            }
            _ => self.pass_on(from, &line),
        }
    }

    /// `NAME: text` for every member but the one who says it.
    fn pass_on(&self, from: SocketAddr, text: &[u8]) -> Option<Outgoing> {
        if text.is_empty() {
            return None;
        }
        if text.len() > LONGEST_TEXT {
            let refusal = format!("not passed on: a message has at most {LONGEST_TEXT} bytes");
            return Some(Outgoing::one(from, refusal));
        }
        let to = self.members.keys().copied().filter(|&member| member != from).collect();
        let line = [self.members[&from].name.as_bytes(), b": ", text].concat();
        Some(Outgoing { to, line })
    }

    fn rename(&mut self, from: SocketAddr, name: &[u8]) -> Result<(), String> {
        let name = str::from_utf8(name).map_err(|_| "not your name: a name is in UTF-8")?.trim();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(format!("not your name: a name has 1 to {LONGEST_NAME} bytes"));
        }
        // A colon would let a name look like somebody's address, or like somebody saying something.
        if name.contains(':') || name.starts_with('/') {
            return Err("not your name: a name has no colon and does not begin with /".into());
        }
        // TODO: a blank would end the name in `/to NAME text` too early.
        let others = self.members.iter().filter(|(address, _)| **address != from);
        if others.map(|(_, member)| &member.name).any(|taken| taken == name) {
            return Err(format!("not your name: {name} is taken"));
        }
        if let Some(member) = self.members.get_mut(&from) {
            member.name = name.to_owned();
        }
        Ok(())
    }

    fn list(&self) -> String {
        let mut names: Vec<_> = self.members.values().map(|member| &*member.name).collect();
        names.sort_unstable();
        let mut list = format!("{} here: ", names.len());
        for (place, name) in names.iter().enumerate() {
            if list.len() + name.len() > LONGEST_LIST {
                list += &format!(" and {} more", names.len() - place);
                break;
            }
            list += if place == 0 { "" } else { ", " };
            list += name;
        }
        list
    }

    /// Drops the members that were silent too long, but for the one that speaks right now, and returns
    /// what to tell them.
    fn drop_idle(&mut self, speaker: SocketAddr, now: Instant) -> Option<Outgoing> {
        // The whole list is looked through ten times in that time, not for each datagram of a flood.
        if self.next_look.is_some_and(|next| now < next) {
            return None;
        }
        self.next_look = Some(now + IDLE / 10);
        let is_gone = |(address, member): &(&SocketAddr, &Member)| {
            **address != speaker && now.duration_since(member.heard) > IDLE
        };
        let to: Vec<_> = self.members.iter().filter(is_gone).map(|(&address, _)| address).collect();
        for address in &to {
            self.members.remove(address);
        }
        let seconds = IDLE.as_secs_f64();
        let line =
            format!("you said nothing for {seconds} s and left; say something to join again");
        (!to.is_empty()).then(|| Outgoing { to, line: line.into() })
    }
}

/// A message is one line: the line ending that nc and others add is taken off, and an ASCII control
/// character in the middle, but for the tab, becomes a space.
fn one_line(datagram: &[u8]) -> Vec<u8> {
    let mut line = datagram.to_vec();
    while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        line.pop();
    }
    for byte in &mut line {
        if byte.is_ascii_control() && *byte != b'\t' {
            *byte = b' ';
        }
    }
    line
}
