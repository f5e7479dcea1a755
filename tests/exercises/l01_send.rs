use std::net::SocketAddr;

use support::own_ip;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "01-send",
    title: "Send",
    promises: &[
        Promise {
            name: "each message is a datagram of its own",
            task: "Send each MESSAGE as a datagram of its own, in the order in which they were typed.",
            check: each_message_is_a_datagram,
        },
        Promise {
            name: "an empty message is a datagram too",
            task: "An empty MESSAGE (\"\") is sent too: it is a datagram of 0 bytes.",
            check: an_empty_message_is_a_datagram,
        },
        Promise {
            name: "all of them come from one address, that of --bind",
            task: "One socket sends all of them, so the receiver sees one sender.",
            check: all_come_from_one_address,
        },
        Promise {
            name: "the last line tells how many datagrams and how many bytes",
            task: "The last line on standard output is the total, in bytes and not in characters, exactly \
                   of this form: `total: 3 datagrams, 11 bytes`.",
            check: the_last_line_tells_the_total,
        },
        Promise {
            name: "without a message, 123 goes as before, and counts",
            task: "Without a MESSAGE, `123` goes out as before.",
            check: without_a_message_123_goes,
        },
    ],
    hints: &[
        "Begin with the command line: the program takes one message and refuses a second. Which type holds \
         any number of texts?",
        "With `messages: Vec<String>` clap collects what is left of the command line, and a `default_value` \
         works as before. `#[arg(value_name = \"MESSAGE\")]` keeps the name in the help.",
        "One socket is enough: bind it first, and then `for message in &args.messages`. An empty text needs \
         no special case. Leave it alone, and `send_to` sends it.",
        "Two counters before the loop. In it, add 1 to the one, and to the other what `send_to` returns: it \
         counts bytes. Behind the loop, `say!` both in the form that the task gives.",
    ],
    handed_out: include_str!("handed-out/01-send.rs"),
};

/// Starts the program with these messages, and takes each of them as a datagram.
fn send_and_receive(stage: &Stage, messages: &[&str]) -> Result<(), Broken> {
    let receiver = stage.peer("the receiver")?;
    let to = receiver.address().to_string();
    let program = stage.start(&[&[&*to], messages].concat())?;
    for message in messages {
        receiver.receive_exactly(message)?;
    }
    program.ends_with(0, "when all messages are sent")?;
    receiver.nothing_comes("no datagram but these")
}

fn each_message_is_a_datagram(stage: &mut Stage) -> Result<(), Broken> {
    send_and_receive(stage, &["one", "two words", "三"])
}

fn an_empty_message_is_a_datagram(stage: &mut Stage) -> Result<(), Broken> {
    send_and_receive(stage, &["before", "", "after", ""])
}

fn all_come_from_one_address(stage: &mut Stage) -> Result<(), Broken> {
    let receiver = stage.peer("the receiver")?;
    let ip = own_ip();
    let (to, bind) = (receiver.address().to_string(), format!("{ip}:0"));
    let _program = stage.start(&[&*to, "one", "two", "three", "--bind", &*bind])?;
    let mut first: Option<SocketAddr> = None;
    for text in ["one", "two", "three"] {
        let datagram = receiver.receive_exactly(text)?;
        let from = datagram.from;
        let first = *first.get_or_insert(from);
        let came = format!("{} came from {from}", datagram.quoted());
        stage.require(
            from.ip() == ip,
            &format!("the sender is {ip}, the address of --bind"),
            &*came,
        )?;
        let expected = format!("all come from {first}, as the first one did");
        stage.require(from == first, &expected, came)?;
    }
    Ok(())
}

fn the_last_line_tells_the_total(stage: &mut Stage) -> Result<(), Broken> {
    total(stage, &["你好", "", "hello"], 3, 11)
}

fn without_a_message_123_goes(stage: &mut Stage) -> Result<(), Broken> {
    total(stage, &[], 1, 3)
}

/// Starts the program with these messages, or without one for `123`, and reads its total.
fn total(stage: &Stage, messages: &[&str], datagrams: u64, bytes: u64) -> Result<(), Broken> {
    let receiver = stage.peer("the receiver")?;
    let to = receiver.address().to_string();
    let program = stage.start(&[&[&*to], messages].concat())?;
    for message in if messages.is_empty() { &["123"] } else { messages } {
        receiver.receive_exactly(message)?;
    }
    let ended = program.ends_with(0, "when all messages are sent")?;
    let last = ended.output.trim_end().lines().next_back().unwrap_or_default().trim_end();
    let expected = format!("the last line is `total: {datagrams} datagrams, {bytes} bytes`");
    let came = format!("it is {}", quoted(last));
    stage.require(read_total(last) == Some((datagrams, bytes)), &expected, came)
}

/// The numbers in a line like `total: 3 datagrams, 11 bytes`.
fn read_total(line: &str) -> Option<(u64, u64)> {
    let (datagrams, bytes) = line.strip_prefix("total: ")?.split_once(", ")?;
    let number = |text: &str, unit: &str| {
        let (number, word) = text.split_once(' ')?;
        let right = word == unit || word.strip_suffix('s') == Some(unit);
        number.parse().ok().filter(|_| right)
    };
    Some((number(datagrams, "datagram")?, number(bytes, "byte")?))
}
