use std::net::SocketAddr;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{BRIEFLY, Peer, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "05-take-turns",
    title: "Take turns",
    promises: &[
        Promise {
            name: "a new client is greeted with its address before the person answers",
            task: "The first message from an address gets at once, before the person types anything, a \
                   datagram with a greeting and its own address.",
            check: a_new_client_is_greeted,
        },
        Promise {
            name: "the messages of a client are numbered, and only the first is greeted",
            task: "The server counts the messages of each client, and shows each with its number: \
                   `message 2 from 127.0.0.1:54321: hello`. The first message is number 1. Only the first \
                   message is greeted.",
            check: messages_are_numbered,
        },
        Promise {
            name: "two clients of one machine are greeted and counted apart",
            task: "The server counts the messages of each client. The first message from an address is a \
                   new client.",
            check: two_clients_are_counted_apart,
        },
        Promise {
            name: "bye is answered by the program itself, and no other message is",
            task: "The message `bye` is answered `bye` by the program itself, without asking the person. A \
                   longer message that begins with `bye` is a message as any other.",
            check: bye_is_answered_by_the_program,
        },
        Promise {
            name: "after bye the client is a new one, and nobody else is",
            task: "Then the client is forgotten: the next message from there is a first one again, with a \
                   greeting. Nobody else is forgotten.",
            check: after_bye_the_client_is_new,
        },
    ],
    hints: &[
        "The server has to remember a number for each client from one datagram to the next, so what holds \
         the numbers lives outside of the loop. What tells two clients of one machine apart? `receive` \
         hands it to you.",
        "A `HashMap<SocketAddr, u32>` holds the counts. `let count = counts.entry(from).or_default();` \
         finds the client's or makes one of 0, and `*count += 1` counts this message. Whose count is 1 now \
         is new.",
        "The order of the lines decides. Receive; if it is `bye`, answer, forget, `continue`; count; greet, \
         if it is the first; show; and only then `ask`, which waits for the person.",
        "`if &buffer[..length] == b\"bye\"` compares the whole message. `counts.remove(&from)` forgets one \
         client. The greeting is `format!(\"welcome {from}\")`, and the shown line \
         `say!(\"message {count} {}\", received(from, …))`.",
    ],
    handed_out: include_str!("handed-out/05-take-turns.rs"),
};

/// The server with a person, and what the check does with them.
struct Server<'a> {
    stage: &'a Stage,
    program: Program,
    address: SocketAddr,
}

fn start(stage: &Stage) -> Result<Server<'_>, Broken> {
    let program = stage.start(&["127.0.0.1:0"])?;
    let address = program.listening()?;
    Ok(Server { stage, program, address })
}

impl Server<'_> {
    /// A client's first message, up to its greeting.
    fn greets(&self, client: &Peer, text: &str) -> Result<(), Broken> {
        client.send(text, self.address)?;
        let greeting = format!("welcome {}", client.address());
        let expected = format!("{} comes back, with nothing typed yet", quoted(&greeting));
        let came = client.receive(&expected)?;
        self.stage.require(came.payload == greeting.as_bytes(), &expected, came.quoted())
    }

    /// The line that shows this client's message, which has this number.
    fn shows(&self, number: u32, client: &Peer, text: &str) -> Result<(), Broken> {
        let shown = format!("from {}: {text}", client.address());
        let whole = format!("message {number} {shown}");
        let expected = format!("the line {} on the screen", quoted(&whole));
        // A line with another number is the line, and wrong. Other lines are the program's own affair.
        let line = self
            .program
            .line(&expected, |line| line.contains("message ") && line.contains(&shown))?;
        self.stage.require(line.contains(&whole), &expected, format!("the line {}", quoted(&line)))
    }

    /// The person's answer to the message that is shown.
    fn answers(&self, client: &Peer, answer: &str) -> Result<(), Broken> {
        self.program.type_line(answer)?;
        client.receive_exactly(answer).map(drop)
    }

    /// A client's first message, from its sending to its answer.
    fn first(&self, client: &Peer, text: &str, answer: &str) -> Result<(), Broken> {
        self.greets(client, text)?;
        self.shows(1, client, text)?;
        self.answers(client, answer)
    }

    /// A later message, the same way.
    fn later(&self, number: u32, client: &Peer, text: &str, answer: &str) -> Result<(), Broken> {
        client.send(text, self.address)?;
        self.shows(number, client, text)?;
        self.answers(client, answer)
    }
}

/// Two clients that differ in nothing but their port.
fn two_clients(stage: &Stage) -> Result<(Peer, Peer), Broken> {
    let first = stage.peer("the first client")?;
    let beside = SocketAddr::new(first.address().ip(), 0);
    let second = stage.peer_on("the second client", beside)?;
    Ok((first, second))
}

fn a_new_client_is_greeted(stage: &mut Stage) -> Result<(), Broken> {
    let server = start(stage)?;
    let client = stage.peer("the client")?;
    server.greets(&client, "hello")?;
    server.program.line("a line that shows \"hello\"", |line| line.contains("hello"))?;
    server.answers(&client, "and hello to you")
}

fn messages_are_numbered(stage: &mut Stage) -> Result<(), Broken> {
    let server = start(stage)?;
    let client = stage.peer("the client")?;
    server.first(&client, "hello", "hi")?;
    server.later(2, &client, "how are you?", "fine")?;
    server.later(3, &client, "再见", "see you")
}

fn two_clients_are_counted_apart(stage: &mut Stage) -> Result<(), Broken> {
    let server = start(stage)?;
    let (one, other) = two_clients(stage)?;
    server.first(&one, "one", "a")?;
    server.later(2, &one, "two", "b")?;
    server.first(&other, "eins", "c")?;
    server.later(3, &one, "three", "d")?;
    server.later(2, &other, "zwei", "e")
}

fn bye_is_answered_by_the_program(stage: &mut Stage) -> Result<(), Broken> {
    let server = start(stage)?;
    let client = stage.peer("the client")?;
    server.first(&client, "hello", "hi")?;
    client.send("bye for now", server.address)?;
    if let Err(broken) = server.shows(2, &client, "bye for now") {
        // Whoever takes it for `bye` may show it in another way, and that is not what is wrong.
        let Some(datagram) = client.receive_within(BRIEFLY) else { return Err(broken) };
        let expected = "`bye for now` waits for the person's answer, and nothing is typed yet";
        return Err(stage.broken(expected, format!("the client got {}", datagram.quoted())));
    }
    server.answers(&client, "stay a little")?;
    client.send("bye", server.address)?;
    let expected = "\"bye\" comes back, with nothing typed";
    let came = client.receive(expected)?;
    stage.require(came.payload == b"bye", expected, came.quoted())?;
    client.nothing_comes("one `bye`, and nothing else")
}

fn after_bye_the_client_is_new(stage: &mut Stage) -> Result<(), Broken> {
    let server = start(stage)?;
    let (leaves, stays) = two_clients(stage)?;
    server.first(&leaves, "hello", "a")?;
    server.first(&stays, "hi", "b")?;
    leaves.send("bye", server.address)?;
    leaves.receive_exactly("bye")?;
    server.first(&leaves, "here again", "c")?;
    server.later(2, &stays, "still here", "d")
}
