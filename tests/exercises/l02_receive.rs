use std::net::SocketAddr;

use support::own_ip;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Peer, Program, Stage};

pub const EXERCISE: Exercise = Exercise {
    folder: "02-receive",
    title: "Receive",
    promises: &[
        Promise {
            name: "it goes on after a message, and after an empty one",
            task: "Go on until a message is `bye`. An empty message does not end it either.",
            check: it_goes_on,
        },
        Promise {
            name: "each message is shown with its number in front, from 1 on",
            task: "Each message is shown with its number in front, counted from 1, whoever sent it: \
                   `1: from 127.0.0.1:54321: one`.",
            check: each_has_its_number,
        },
        Promise {
            name: "a message longer than the buffer is marked as cut, one that fills it is not",
            task: "A message that was longer than the buffer is marked with `(cut)` behind what is left of \
                   it. One that fills the buffer to the last byte is whole, and is not marked.",
            check: what_is_cut_is_marked,
        },
        Promise {
            name: "bye ends it with status 0",
            task: "`bye` ends the program with status 0.",
            check: bye_ends_it,
        },
        Promise {
            name: "a message that only contains bye does not end it",
            task: "Go on until a message is `bye`, these three bytes and nothing else.",
            check: what_contains_bye_does_not_end_it,
        },
        Promise {
            name: "a message that was cut is never bye",
            task: "A message that was cut is never `bye`.",
            check: what_was_cut_is_never_bye,
        },
    ],
    hints: &[
        "Put the receive and the show into a `loop`. What is made once, the socket and the buffer, stays in \
         front of it. Which of the three new things needs a variable that lives as long as the loop?",
        "The number: `for number in 1..` is a loop that counts. The mark: `room_for` made the buffer one \
         byte longer than the limit, so `length > limit` says that the datagram was cut.",
        "Compare the *bytes* that this datagram wrote: `kept == b\"bye\"`, and not the text, not the whole \
         buffer, and not only the beginning.",
        "With a buffer of 3, `bye bye` leaves exactly `bye`. So ask both: \
         `if kept == b\"bye\" && length <= limit`, and then `break` or `return Ok(())`.",
    ],
    handed_out: include_str!("handed-out/02-receive.rs"),
};

fn start(stage: &Stage, buffer: &str) -> Result<(Program, SocketAddr), Broken> {
    let program = stage.start(&[&*format!("{}:0", own_ip()), "--buffer", buffer])?;
    let receiver = program.listening()?;
    Ok((program, receiver))
}

/// Sends this and waits for a line that shows what is left of it. `front` is what must stand there before
/// `from`; without one, anything may.
fn shown(
    program: &Program,
    sender: &Peer,
    to: SocketAddr,
    text: &str,
    (front, kept): (&str, &str),
) -> Result<(), Broken> {
    sender.send(text, to)?;
    let wanted = format!("{front}from {}: {kept}", sender.address());
    let cut = if text == kept { "" } else { " (cut)" };
    let expected = format!("the line `{}{cut}`", wanted.trim_end());
    let right = |line: &str| shows(line, &wanted) && line.starts_with(front);
    program.line(&expected, right).map(drop)
}

/// Whether the line shows this, `from ADDR: TEXT`. What stands behind the text stands apart from it.
fn shows(line: &str, wanted: &str) -> bool {
    let behind = |at: usize| &line[at + wanted.len()..];
    // No blank is asked for at the end of a line.
    line.trim_end().ends_with(wanted.trim_end())
        || line.find(wanted).is_some_and(|at| behind(at).starts_with([' ', '(']))
}

fn it_goes_on(stage: &mut Stage) -> Result<(), Broken> {
    let (program, to) = start(stage, "16")?;
    let sender = stage.peer("the sender")?;
    for text in ["one", "", "two"] {
        shown(&program, &sender, to, text, ("", text))?;
    }
    Ok(())
}

fn each_has_its_number(stage: &mut Stage) -> Result<(), Broken> {
    let (program, to) = start(stage, "4")?;
    let (one, other) = (stage.peer("the sender")?, stage.peer("another sender")?);
    shown(&program, &one, to, "five!", ("1: ", "five"))?;
    shown(&program, &one, to, "two", ("2: ", "two"))?;
    shown(&program, &other, to, "", ("3: ", ""))?;
    shown(&program, &one, to, "last", ("4: ", "last"))
}

fn what_is_cut_is_marked(stage: &mut Stage) -> Result<(), Broken> {
    let (program, to) = start(stage, "4")?;
    let sender = stage.peer("the sender")?;
    // What is sent and what is left of it. When the last one is shown, all is said about the others.
    let messages =
        [("three", "thre"), ("four", "four"), ("one", "one"), ("seven", "seve"), ("x", "x")];
    for (text, kept) in messages {
        shown(&program, &sender, to, text, ("", kept))?;
    }
    let output = program.output();
    let mut lines = output.lines().peekable();
    for [(text, kept), (_, next)] in messages.windows(2).filter_map(|pair| pair.first_chunk()) {
        let [this, next] = [kept, next].map(|it| format!("from {}: {it}", sender.address()));
        while lines.next_if(|line| !shows(line, &this)).is_some() {}
        // The mark may stand in a line of its own, up to the next message.
        let mut marked = false;
        while let Some(line) = lines.next_if(|line| !shows(line, &next)) {
            marked |= line.contains("(cut");
        }
        let cut = text.len() > kept.len();
        let expected = match cut {
            true => format!("`(cut)` behind what is left of \"{text}\" in a buffer of 4 bytes"),
            false => format!("no `(cut)` behind \"{text}\", which fits into a buffer of 4 bytes"),
        };
        let came = if cut { "there is none" } else { "there is one" };
        stage.require(marked == cut, &expected, came)?;
    }
    Ok(())
}

fn bye_ends_it(stage: &mut Stage) -> Result<(), Broken> {
    let (program, to) = start(stage, "16")?;
    let sender = stage.peer("the sender")?;
    // Longer than `bye`, so that something of it is still in the buffer when `bye` comes.
    for text in ["the first", "the second"] {
        shown(&program, &sender, to, text, ("", text))?;
    }
    sender.send("bye", to)?;
    program.ends_with(0, "after \"bye\"").map(drop)
}

fn what_contains_bye_does_not_end_it(stage: &mut Stage) -> Result<(), Broken> {
    let (program, to) = start(stage, "16")?;
    let sender = stage.peer("the sender")?;
    for text in ["bye bye", "goodbye", "by", "still here"] {
        shown(&program, &sender, to, text, ("", text))?;
    }
    Ok(())
}

fn what_was_cut_is_never_bye(stage: &mut Stage) -> Result<(), Broken> {
    let (program, to) = start(stage, "3")?;
    let sender = stage.peer("the sender")?;
    for (text, kept) in [("bye bye", "bye"), ("byes", "bye"), ("on", "on")] {
        shown(&program, &sender, to, text, ("", kept))?;
    }
    sender.send("bye", to)?;
    program.ends_with(0, "after \"bye\", which fits into a buffer of 3 bytes").map(drop)
}
