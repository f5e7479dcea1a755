use std::net::SocketAddr;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{BRIEFLY, Peer, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "10-group-chat",
    title: "Group chat",
    promises: &[
        Promise {
            name: "what is said to one reaches that one alone",
            task: "`/to bob are you there?`, said by alice, goes to bob alone, as `alice (to you): are you \
                   there?`.",
            check: one_alone,
        },
        Promise {
            name: "a name that nobody has is answered to who said it, and to nobody else",
            task: "If nobody has that name, whole and to the letter, she is answered `nobody of that name is \
                   here`.",
            check: nobody_of_that_name,
        },
        Promise {
            name: "who has no name joins with a /to, and is reached by the address",
            task: "Who has no name yet is reached by the address that `/who` shows. A first line joins, \
                   whatever it is.",
            check: who_has_no_name,
        },
        Promise {
            name: "a new name counts at once, and holds no blank",
            task: "A name holds no blank any more: `/name big bob` is answered `not your name: a name has no \
                   blank`.",
            check: a_new_name_counts_at_once,
        },
        Promise {
            name: "a /to without a text is explained, and /tomorrow is a message",
            task: "`/to` and `/to bob`, without a text, are answered with a line that holds `/to NAME text`. \
                   `/tomorrow we meet` is a message for all.",
            check: without_a_text,
        },
        Promise {
            name: "a text to one goes on as it is, up to 1397 bytes",
            task: "The text may be in any encoding, and goes on as it is. It has at most 1397 bytes; a longer \
                   one is not sent, and is answered `not passed on: a message has at most 1397 bytes`.",
            check: as_it_is_up_to_1397_bytes,
        },
    ],
    hints: &[
        "Everything happens in `hear`: one more arm of the `match`, like the one of `/name`, and behind the \
         lines that let a stranger join. See what stands behind `/to`: nothing, a blank, or more of another \
         word.",
        "Cut behind the name, at the first blank: `splitn(2, |&byte| byte == b' ')` works on bytes, so the \
         text may be in any encoding. A name without a text is half a command: say how it is written.",
        "`self.members.iter().find(|(_, member)| member.name.as_bytes() == name)` finds the member and its \
         address. Whoever gave no name has the address as `name`, so it is found too. For `None`, answer \
         `from`.",
        "`Outgoing::one(to, line)` sends a line to one, made as in `pass_on`, with `b\" (to you): \"` in \
         place of `b\": \"`. That is 9 bytes more, so the text has 9 fewer. And `rename` refuses a name that \
         `contains(' ')`.",
    ],
    handed_out: include_str!("handed-out/10-group-chat.rs"),
};

const NOBODY: &str = "nobody of that name is here";

struct Group {
    _program: Program,
    server: SocketAddr,
}

/// Starts the program, and joins under each of these names.
fn group<const N: usize>(stage: &Stage, names: [&str; N]) -> Result<(Group, [Peer; N]), Broken> {
    let program = stage.start(&["127.0.0.1:0"])?;
    let server = program.listening()?;
    let group = Group { _program: program, server };
    let mut members = Vec::new();
    for name in names {
        let member = stage.peer(name)?;
        group.say(&member, format!("/name {name}"))?;
        members.push(member);
    }
    // The answer to the last line, so that all have joined when the check goes on.
    if let Some(last) = members.last() {
        group.who(stage, last, &names)?;
    }
    Ok((group, members.try_into().unwrap_or_else(|_| unreachable!("one for each name"))))
}

impl Group {
    fn say(&self, member: &Peer, line: impl AsRef<[u8]>) -> Result<(), Broken> {
        member.send(line, self.server)
    }

    /// Says this, which must reach this other member as `heard`.
    fn tell(
        &self,
        speaker: &Peer,
        line: impl AsRef<[u8]>,
        listener: &Peer,
        heard: impl AsRef<[u8]>,
    ) -> Result<(), Broken> {
        self.say(speaker, line)?;
        listener.receive_exactly(heard).map(drop).map_err(|mut broken| {
            // Why it did not come may be what the speaker was told.
            if let Some(answer) = speaker.receive_within(BRIEFLY) {
                broken.came += &format!("\nand who said it got {}", answer.quoted());
            }
            broken
        })
    }

    /// Asks for the list, which must hold all of these.
    fn who(&self, stage: &Stage, member: &Peer, names: &[&str]) -> Result<(), Broken> {
        self.say(member, "/who")?;
        let expected = format!("the answer to /who names {}", names.join(", "));
        let list = member.receive(&expected)?;
        let text = String::from_utf8_lossy(&list.payload);
        stage.require(names.iter().all(|name| text.contains(name)), &expected, list.quoted())
    }
}

fn one_alone(stage: &mut Stage) -> Result<(), Broken> {
    let (group, [alice, bob, carol]) = group(stage, ["alice", "bob", "carol"])?;
    let line = "/to bob are you there?";
    group.tell(&alice, line, &bob, "alice (to you): are you there?")?;
    carol.nothing_comes("nobody but bob gets it")?;
    alice.nothing_comes("nobody but bob gets it, not even who says it")?;
    // It was one line to one: the next is for all again.
    group.say(&carol, "good morning")?;
    bob.receive_exactly("carol: good morning")?;
    alice.receive_exactly("carol: good morning").map(drop)
}

fn nobody_of_that_name(stage: &mut Stage) -> Result<(), Broken> {
    let (group, [alice, bob, bobby]) = group(stage, ["alice", "bob", "bobby"])?;
    for name in ["nobody", "bo", "ob", "bobb", "bobby1"] {
        group.say(&alice, format!("/to {name} hello"))?;
        alice.receive_exactly(NOBODY).map_err(|mut broken| {
            for (other, peer) in [("bob", &bob), ("bobby", &bobby)] {
                if let Some(line) = peer.receive_within(BRIEFLY) {
                    broken.came += &format!("\nand {other} got {}", line.quoted());
                }
            }
            broken
        })?;
    }
    bob.nothing_comes("only who said it is answered")?;
    bobby.nothing_comes("only who said it is answered")?;
    group.tell(&alice, "/to bobby hello", &bobby, "alice (to you): hello")
}

fn who_has_no_name(stage: &mut Stage) -> Result<(), Broken> {
    let (group, [alice, bob]) = group(stage, ["alice", "bob"])?;
    let stranger = stage.peer("a stranger")?;
    let address = stranger.address().to_string();
    stage.step(format!("a stranger comes, from {address}"));
    let heard = format!("{address} (to you): may I come in?");
    group.tell(&stranger, "/to bob may I come in?", &bob, heard)?;
    let line = format!("/to {address} you are in");
    group.tell(&bob, line, &stranger, "bob (to you): you are in")?;
    alice.nothing_comes("nobody but those two hear what they say to each other")?;
    group.say(&alice, "hello")?;
    stranger.receive_exactly("alice: hello")?;
    bob.receive_exactly("alice: hello").map(drop)
}

fn a_new_name_counts_at_once(stage: &mut Stage) -> Result<(), Broken> {
    let (group, [alice, bob, carol]) = group(stage, ["alice", "bob", "carol"])?;
    group.say(&bob, "/name robert")?;
    group.who(stage, &bob, &["alice", "robert", "carol"])?;
    let line = "/to robert is that you?";
    group.tell(&alice, line, &bob, "alice (to you): is that you?")?;
    group.say(&alice, "/to bob and that?")?;
    alice.receive_exactly(NOBODY)?;

    group.say(&carol, "/name big carol")?;
    carol.receive_exactly("not your name: a name has no blank")?;
    let line = "/to carol big is the talk";
    group.tell(&alice, line, &carol, "alice (to you): big is the talk")?;
    group.say(&carol, "/quit")?;
    group.say(&alice, "/to carol are you gone?")?;
    alice.receive_exactly(NOBODY).map(drop)
}

fn without_a_text(stage: &mut Stage) -> Result<(), Broken> {
    let (group, [alice, bob]) = group(stage, ["alice", "bob"])?;
    for line in ["/to", "/to bob"] {
        group.say(&alice, line)?;
        let expected = format!("the answer to {} holds `/to NAME text`", quoted(line));
        let answer = alice.receive(&expected)?;
        let explains = String::from_utf8_lossy(&answer.payload).contains("/to NAME text");
        stage.require(explains, &expected, answer.quoted())?;
    }
    bob.nothing_comes("only who said it is answered")?;
    group.tell(&alice, "/tomorrow we meet", &bob, "alice: /tomorrow we meet")
}

fn as_it_is_up_to_1397_bytes(stage: &mut Stage) -> Result<(), Broken> {
    let (group, [alice, bob]) = group(stage, ["alice", "bob"])?;
    stage.step("你好 in GBK is the 4 bytes c4 e3 ba c3");
    group.say(&alice, b"/to bob \xc4\xe3\xba\xc3")?;
    let expected = "bob gets \"alice (to you): \" and the bytes c4 e3 ba c3, as they came";
    let line = bob.receive(expected)?;
    let as_it_came = line.payload == b"alice (to you): \xc4\xe3\xba\xc3";
    stage.require(as_it_came, expected, line.quoted())?;

    let (carol, name) = (stage.peer("carol")?, "a-name-of-64-bytes-".repeat(4)[..64].to_owned());
    group.say(&carol, format!("/name {name}"))?;
    group.who(stage, &carol, &["alice", "bob", &name])?;
    let text = "x".repeat(1397);
    let (line, heard) = (format!("/to bob {text}"), format!("{name} (to you): {text}"));
    group.tell(&carol, line, &bob, heard)?;
    group.say(&carol, format!("/to bob {text}x"))?;
    bob.nothing_comes("a text of 1398 bytes is not sent to bob")?;
    carol.receive_exactly("not passed on: a message has at most 1397 bytes").map(drop)
}
