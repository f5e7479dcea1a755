use std::net::SocketAddr;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{BRIEFLY, Peer, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "08-threads",
    title: "Threads",
    promises: &[
        Promise {
            name: "each message is shown and answered with seen and its number",
            task: "Each message that arrives is shown, and answered by the program itself with the \
                   datagram `seen N`. N counts the messages from this sender: 1, 2, 3.",
            check: each_message_is_confirmed,
        },
        Promise {
            name: "two senders are counted apart, and each is answered itself",
            task: "Each message is answered with the datagram `seen N`, to whoever sent it. N counts the \
                   messages from this sender.",
            check: two_senders_are_counted_apart,
        },
        Promise {
            name: "a confirmation is shown, and neither answered nor counted",
            task: "A confirmation, which is `seen`, one blank and decimal digits, and nothing else, is shown \
                   on the screen too. It is never answered, and it is not counted.",
            check: a_confirmation_is_not_confirmed,
        },
        Promise {
            name: "a text that only looks like a confirmation is a message",
            task: "Any other text is a message: `seen`, `seen it yesterday`, `seen 3 times`.",
            check: what_looks_like_one_is_a_message,
        },
        Promise {
            name: "of two such programs each confirms a typed line once, and then both are silent",
            task: "Each message that arrives is answered by the program itself. A confirmation is never \
                   answered.",
            check: two_programs_fall_silent,
        },
        Promise {
            name: "typed lines go to the peer meanwhile, and /quit ends the program",
            task: "Typed lines still go to the peer whenever you like, and `/quit` still ends the program.",
            check: the_chat_goes_on,
        },
    ],
    hints: &[
        "Two threads, and one of them learns of each message: it has the socket and the sender's address, so \
         it can answer. `send_to` takes `&self`: a thread may send while another one sends or receives. \
         Where do the counts live, if only this thread needs them?",
        "A `HashMap<SocketAddr, u32>` before the loop holds the counts. `*counts.entry(from).or_default() \
         += 1` counts a message of this sender. The answer goes to `from`, not to the peer: anybody may \
         send to you.",
        "Decide before you answer: a confirmation is shown, and then `continue`, before anything is counted. \
         `starts_with(\"seen\")` is too much: `seen it yesterday` is what a person says.",
        "`message.strip_prefix(b\"seen \")` gives the rest, if that is how it begins. It is a confirmation \
         if the rest is not empty and `rest.iter().all(u8::is_ascii_digit)`.",
    ],
    handed_out: include_str!("handed-out/08-threads.rs"),
};

fn start(stage: &Stage) -> Result<(Program, SocketAddr), Broken> {
    let program = stage.start(&["127.0.0.1:0"])?;
    let address = program.listening()?;
    Ok((program, address))
}

/// This text, sent to the program, is its sender's message number `number`.
fn confirmed(sender: &Peer, text: &str, to: SocketAddr, number: u32) -> Result<(), Broken> {
    sender.send(text, to)?;
    sender.receive_exactly(format!("seen {number}")).map(drop)
}

fn shown(program: &Program, text: &str) -> Result<(), Broken> {
    let expected = format!("a line on the screen that shows {}", quoted(text));
    program.line(&expected, |line| line.contains(text)).map(drop)
}

fn each_message_is_confirmed(stage: &mut Stage) -> Result<(), Broken> {
    let (program, address) = start(stage)?;
    let sender = stage.peer("the sender")?;
    for (number, text) in [(1, "hello"), (2, "再见"), (3, "one more")] {
        confirmed(&sender, text, address, number)?;
        shown(&program, text)?;
    }
    Ok(())
}

fn two_senders_are_counted_apart(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, address) = start(stage)?;
    let first = stage.peer("the first sender")?;
    // They differ in nothing but their port.
    let beside = SocketAddr::new(first.address().ip(), 0);
    let second = stage.peer_on("the second sender", beside)?;
    confirmed(&first, "hello", address, 1)?;
    confirmed(&first, "hello again", address, 2)?;
    if let Err(broken) = confirmed(&second, "and me", address, 1) {
        // A program that answers its peer, whoever spoke, is told where the answer went.
        let Some(datagram) = first.receive_within(BRIEFLY) else { return Err(broken) };
        let came = format!("{}; the first sender got {}", broken.came, datagram.quoted());
        return Err(stage.broken(&broken.expected, came));
    }
    confirmed(&first, "still me", address, 3)?;
    confirmed(&second, "and me again", address, 2)
}

fn a_confirmation_is_not_confirmed(stage: &mut Stage) -> Result<(), Broken> {
    let (program, address) = start(stage)?;
    let sender = stage.peer("the sender")?;
    confirmed(&sender, "hello", address, 1)?;
    for confirmation in ["seen 7", "seen 18"] {
        sender.send(confirmation, address)?;
        shown(&program, confirmation)?;
    }
    sender.nothing_comes(
        "no answer to a confirmation: two programs that give one answer each other for ever",
    )?;
    confirmed(&sender, "and this is a message", address, 2)
}

fn what_looks_like_one_is_a_message(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, address) = start(stage)?;
    let sender = stage.peer("the sender")?;
    let texts = [
        "seen it yesterday",
        "seen",
        "seen 3 times",
        "unseen 4",
        "I have seen 5",
        "seen ",
        "seen -1",
    ];
    for (number, text) in (1..).zip(texts) {
        confirmed(&sender, text, address, number)?;
    }
    Ok(())
}

/// Two of the programs, and a relay between them that passes on what each sends to the other. So the
/// check sees every datagram, and a pair that would never stop is stopped.
struct Pair<'a> {
    stage: &'a Stage,
    relay: Peer,
    programs: [(&'static str, Program, SocketAddr); 2],
}

impl Pair<'_> {
    /// The next datagram is this text from the program of this index; the other one gets it.
    fn passes_on(&self, from: usize, text: &str) -> Result<(), Broken> {
        let (name, _, address) = &self.programs[from];
        let expected = format!("{name} sends {}", quoted(text));
        let datagram = self.relay.receive(&expected)?;
        let right = datagram.payload == text.as_bytes() && datagram.from == *address;
        let came = format!("{} sent {}", self.name(datagram.from), datagram.quoted());
        self.stage.require(right, &expected, came)?;
        self.relay.send(text, self.programs[1 - from].2)
    }

    fn name(&self, address: SocketAddr) -> &'static str {
        let program = self.programs.iter().find(|(_, _, it)| *it == address);
        program.map_or("somebody else", |(name, _, _)| name)
    }

    /// A line typed into one is confirmed by the other, and that is all.
    fn says(&self, from: usize, text: &str) -> Result<(), Broken> {
        let (_, writer, _) = &self.programs[from];
        let (_, reader, _) = &self.programs[1 - from];
        writer.type_line(text)?;
        self.passes_on(from, text)?;
        shown(reader, text)?;
        self.passes_on(1 - from, "seen 1")?;
        shown(writer, "seen 1")?;
        match self.relay.receive_within(BRIEFLY) {
            None => Ok(()),
            Some(datagram) => {
                let came = format!("{} sent {}", self.name(datagram.from), datagram.quoted());
                Err(self.stage.broken("silence, until the next line is typed", came))
            }
        }
    }
}

fn two_programs_fall_silent(stage: &mut Stage) -> Result<(), Broken> {
    let relay = stage.peer("the relay")?;
    let first = stage.start(&["127.0.0.1:0"])?;
    let its_address = first.listening()?;
    let second = stage.start(&["127.0.0.1:0", "--to", &relay.address().to_string()])?;
    let other_address = second.listening()?;
    stage.step(format!(
        "{} is the relay: the check passes on what each sends to the other",
        relay.address()
    ));
    let programs = [("program (1)", first, its_address), ("program (2)", second, other_address)];
    let pair = Pair { stage, relay, programs };
    pair.says(1, "hello")?;
    pair.says(0, "hello to you")
}

fn the_chat_goes_on(stage: &mut Stage) -> Result<(), Broken> {
    let peer = stage.peer("the peer")?;
    let program = stage.start(&["127.0.0.1:0", "--to", &peer.address().to_string()])?;
    let address = program.listening()?;
    program.type_line("hello")?;
    peer.receive_exactly("hello")?;
    confirmed(&peer, "hello to you", address, 1)?;
    program.type_line("I say one thing")?;
    program.type_line("and another")?;
    peer.receive_exactly("I say one thing")?;
    peer.receive_exactly("and another")?;
    confirmed(&peer, "good", address, 2)?;
    program.type_line("/quit")?;
    program.ends_with(0, "after /quit")?;
    peer.nothing_comes("/quit is not sent")
}
