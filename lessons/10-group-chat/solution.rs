//! Solution 10 · Group chat: `/to NAME text` reaches one member.
//!
//! Terminal 1:   cargo run --bin 10-solution
//! Terminal 2:   cargo run --bin 10-group-client -- --name alice
//! Terminal 3:   cargo run --bin 10-group-client -- --name bob
//!
//! In a client: `/to NAME text`, `/name NAME`, `/who`, `/quit`; anything else is said to all others.

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
#[command(after_help = "The solution of the exercise of chapter 10 of the book: Group chat.")]
struct Args {
    /// Where to listen
    #[arg(default_value = "127.0.0.1:6001")]
    addr: Address,
}

/// How many members the group may have.
const MOST_MEMBERS: usize = 1024;
/// How long a member may be silent before it counts as gone.
const IDLE: Duration = Duration::from_secs(600);
/// The longest line that goes out, in bytes: what one Ethernet frame carries in a UDP datagram over IPv4,
/// 1500 less 20 for IP and 8 for UDP.
const LONGEST_LINE: usize = 1472;
/// The longest name in bytes.
const LONGEST_NAME: usize = 64;
/// The most bytes of names in one answer to `/who`.
const LONGEST_LIST: usize = 1024;

/// What stands between the name and the text of a line for all, and of one for a single member.
const TO_ALL: &str = ": ";
const TO_YOU: &str = " (to you): ";

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

        let outgoing = if let Some(name) = behind(b"/name", &line) {
            self.rename(from, name).map(|()| None)
        } else if let Some(rest) = behind(b"/to", &line) {
            self.say_to_one(from, rest).map(Some)
        } else if line == b"/who" {
            Ok(Some(Outgoing::one(from, self.list())))
        } else if line == b"/quit" {
            self.members.remove(&from);
            Ok(None)
        } else if line.is_empty() {
            Ok(None)
        } else {
            self.say_to_all(from, &line).map(Some)
        };
        outgoing.unwrap_or_else(|refusal| Some(Outgoing::one(from, refusal)))
    }

    /// `NAME: text` for every member but the one who says it.
    fn say_to_all(&self, from: SocketAddr, text: &[u8]) -> Result<Outgoing, String> {
        let to = self.members.keys().copied().filter(|&member| member != from).collect();
        Ok(Outgoing { to, line: self.line_of(from, TO_ALL, text)? })
    }

    /// `NAME (to you): text` for the one whose name stands in front of the text. Who has given no name
    /// has the address as a name, and is found like everybody else.
    fn say_to_one(&self, from: SocketAddr, rest: &[u8]) -> Result<Outgoing, String> {
        // Cut as bytes: the text may be in any encoding.
        let mut parts = rest.splitn(2, |&byte| byte == b' ');
        let (name, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if name.is_empty() || text.is_empty() {
            return Err("nothing sent: it is /to NAME text".into());
        }
        let named = self.members.iter().find(|(_, member)| member.name.as_bytes() == name);
        let (&to, _) = named.ok_or("nobody of that name is here")?;
        Ok(Outgoing::one(to, self.line_of(from, TO_YOU, text)?))
    }

    /// The text with the name of the one who says it in front, never longer than [`LONGEST_LINE`].
    fn line_of(&self, from: SocketAddr, between: &str, text: &[u8]) -> Result<Vec<u8>, String> {
        let most = LONGEST_LINE - LONGEST_NAME - between.len();
        if text.len() > most {
            return Err(format!("not passed on: a message has at most {most} bytes"));
        }
        Ok([self.members[&from].name.as_bytes(), between.as_bytes(), text].concat())
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
        // The first blank ends it in `/to NAME text`. And `alice (to you)` would be a fine name for a liar.
        if name.contains(' ') {
            return Err("not your name: a name has no blank".into());
        }
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

/// What stands behind this command and its blank; `None` when the line is something else.
fn behind<'a>(command: &[u8], line: &'a [u8]) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(command)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(b" ") }
}
