//! Who is in the group, and who hears what. No socket here: a datagram's bytes and its sender go in,
//! the datagrams to send come out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The longest text of one message in bytes. With the longest name and ": " it makes 1472 bytes, what
/// one Ethernet frame carries in a UDP datagram over IPv4: 1500 less 20 for IP and 8 for UDP.
const LONGEST_TEXT: usize = 1472 - LONGEST_NAME - 2;
/// The longest name in bytes.
const LONGEST_NAME: usize = 64;
/// The most bytes of names in one answer to `/who`.
const LONGEST_LIST: usize = 1024;

/// The members, by the address that they send from.
pub struct Group {
    members: HashMap<SocketAddr, Member>,
    most: usize,
    idle: Duration,
    next_look: Option<Instant>,
}

struct Member {
    name: String,
    heard: Instant,
}

/// One line for each of some members.
pub struct Outgoing {
    pub to: Vec<SocketAddr>,
    pub line: Vec<u8>,
}

impl Outgoing {
    fn one(to: SocketAddr, line: impl Into<Vec<u8>>) -> Self {
        Self { to: vec![to], line: line.into() }
    }
}

impl Group {
    /// A group of at most `most` members, each dropped when silent for longer than `idle`.
    pub fn new(most: usize, idle: Duration) -> Self {
        Self { members: HashMap::new(), most, idle, next_look: None }
    }

    // ANCHOR: hear
    /// What is to be sent because this datagram came at this time.
    pub fn hear(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) -> Option<Outgoing> {
        let line = one_line(datagram);
        if !self.members.contains_key(&from) {
            if line == b"/quit" {
                return None;
            }
            if self.members.len() >= self.most {
                let full = format!("the group is full: it has {} members", self.most);
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
            _ if line == b"/who" => Some(Outgoing::one(from, self.list())),
            _ if line == b"/quit" => {
                self.members.remove(&from);
                None
            }
            _ => self.pass_on(from, &line),
        }
    }
    // ANCHOR_END: hear

    // ANCHOR: pass_on
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
    // ANCHOR_END: pass_on

    // ANCHOR: rename
    fn rename(&mut self, from: SocketAddr, name: &[u8]) -> Result<(), String> {
        let name = str::from_utf8(name).map_err(|_| "not your name: a name is in UTF-8")?.trim();
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(format!("not your name: a name has 1 to {LONGEST_NAME} bytes"));
        }
        // A colon would let a name look like somebody's address, or like somebody saying something.
        if name.contains(':') || name.starts_with('/') {
            return Err("not your name: a name has no colon and does not begin with /".into());
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
    // ANCHOR_END: rename

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

    // ANCHOR: drop_idle
    /// Drops the members that were silent too long, but for the one that speaks right now, and returns
    /// what to tell them. Who has gone without `/quit` is found only so: UDP has no connection that
    /// could break.
    pub fn drop_idle(&mut self, speaker: SocketAddr, now: Instant) -> Option<Outgoing> {
        // The whole list is looked through ten times in that time, not for each datagram of a flood.
        if self.next_look.is_some_and(|next| now < next) {
            return None;
        }
        self.next_look = Some(now + self.idle / 10);
        let is_gone = |(address, member): &(&SocketAddr, &Member)| {
            **address != speaker && now.duration_since(member.heard) > self.idle
        };
        let to: Vec<_> = self.members.iter().filter(is_gone).map(|(&address, _)| address).collect();
        for address in &to {
            self.members.remove(address);
        }
        let seconds = self.idle.as_secs_f64();
        let line =
            format!("you said nothing for {seconds} s and left; say something to join again");
        (!to.is_empty()).then(|| Outgoing { to, line: line.into() })
    }
    // ANCHOR_END: drop_idle
}

/// A message is one line: the line ending that nc and others add is taken off, and an ASCII control
/// character in the middle, but for the tab, becomes a space. So nobody can put words into another's
/// mouth with a second line, or easily drive the terminal of a client that shows bytes as they come.
/// No byte of a character beyond ASCII is below 0x30, in UTF-8 or in GBK.
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
