//! A message of IPMSG, the LAN messenger protocol that Feiq speaks on UDP port 2425, taken apart.

use std::str;

use encoding_rs::Encoding;
use sockets_by_example::text::{UTF_8, decode};

/// The option "the text is in UTF-8" among the upper bits of the command.
const UTF8: u32 = 0x80_0000;

/// The six fields of a message, and what may stand behind them.
#[derive(Debug)]
pub struct Message {
    pub version: u64,
    pub number: u64,
    pub user: String,
    pub host: String,
    pub command: u32,
    pub text: String,
    /// A second text behind the NUL that ends the first: a group's name, for one.
    pub extra: String,
    /// The encoding that the message was read in.
    pub encoding: &'static Encoding,
    /// Whether something was not valid in that encoding.
    pub faulty: bool,
}

// ANCHOR: parse
/// Takes `version:number:user:host:command:text`, a NUL and an extra section apart; `None` when the
/// datagram is something else.
///
/// The text may hold more colons. The version counts as its leading digits: clients put their own
/// name behind it. Text without the option UTF8 is in `local`, the code page of the sender's country.
/// The colon's byte 0x3A is never the second half of a GBK character, so cutting comes before decoding.
pub fn parse(datagram: &[u8], local: &'static Encoding) -> Option<Message> {
    let mut fields = datagram.splitn(6, |&byte| byte == b':');
    let version = fields.next()?;
    let digits = version.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let version = str::from_utf8(&version[..digits]).ok()?.parse().ok()?;
    let number = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let (user, host) = (fields.next()?, fields.next()?);
    let command: u32 = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let mut sections = fields.next()?.splitn(3, |&byte| byte == 0);
    let text = sections.next()?;
    let extra = sections.next().unwrap_or_default();

    let encoding = if command & UTF8 == 0 { local } else { UTF_8 };
    let mut faulty = false;
    let mut read = |bytes| {
        let decoded = decode(bytes, encoding);
        faulty |= decoded.faulty;
        decoded.text
    };
    let (user, host, text, extra) = (read(user), read(host), read(text), read(extra));
    Some(Message { version, number, user, host, command, text, extra, encoding, faulty })
}
// ANCHOR_END: parse

// ANCHOR: command
/// The name of a command, its low 8 bits, and of the options above them: `SENDMSG, SENDCHECK`.
pub fn command_name(command: u32) -> String {
    let mut name = match command & 0xff {
        1 => "BR_ENTRY",
        2 => "BR_EXIT",
        3 => "ANSENTRY",
        32 => "SENDMSG",
        33 => "RECVMSG",
        _ => "a command that this lesson does not know",
    }
    .to_owned();
    let options = [
        (0x100, "SENDCHECK"),
        (0x400, "BROADCAST"),
        (0x2000, "AUTORET"),
        (0x20_0000, "FILEATTACH"),
        (UTF8, "UTF8"),
        (0x100_0000, "CAPUTF8"),
    ];
    for (_, option) in options.iter().filter(|(bit, _)| command & bit != 0) {
        name += ", ";
        name += option;
    }
    name
}
// ANCHOR_END: command
