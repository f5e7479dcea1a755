use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use support::own_ip;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Datagram, Peer, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "04-menu-chat",
    title: "Menu chat",
    promises: &[
        Promise {
            name: "the menu has the line 3: address",
            task: "The menu gets a third entry, in a line of its own: `3: address`.",
            check: the_menu_has_the_line,
        },
        Promise {
            name: "messages go to the address that was typed last",
            task: "Who types 3 is asked for the peer's address and port, on one line. From then on messages \
                   go there.",
            check: messages_go_there,
        },
        Promise {
            name: "what is not an address gets a line on standard error, and the old one stays",
            task: "What is not an address gets a clear line on standard error. The menu comes back, and the \
                   old address stays.",
            check: the_old_address_stays,
        },
        Promise {
            name: "so does an address of the other family",
            task: "It is the same for an address that this socket cannot reach because it is of the other \
                   family: `[::1]:7788`, when the socket has an IPv4 address.",
            check: the_other_family_is_refused,
        },
        Promise {
            name: "all peers see the same port, and all are heard",
            task: "The socket stays the same: all peers see the same port, and what anybody sends to it can \
                   still be received, as before.",
            check: the_socket_stays,
        },
        Promise {
            name: "Ctrl-D in place of an address ends the program",
            task: "Ctrl-D in place of an address ends the program, as it does everywhere.",
            check: the_end_of_input_ends_it,
        },
    ],
    hints: &[
        "Two places: the text of the menu, and one more arm of the `match`, `\"3\" => …`. It can ask as the \
         arm of 1 does. What has to become `mut` so that messages go somewhere else from then on?",
        "`typed.trim().parse::<Address>()` gives an `Address`, or an error that is a text for the person. \
         `resolve()` makes a `SocketAddr` of it, and can fail, too. Change `to` only when both went well.",
        "A function of its own, `fn choose(socket: &UdpSocket, typed: &str) -> Result<SocketAddr>`, may use \
         the question mark (`map_err(anyhow::Error::msg)` makes an error of the text). \
         `choose(&socket, &typed).map(|chosen| to = chosen)` fits into the `match`.",
        "`go_on_after` prints the error and leads back to the menu. The family: compare `is_ipv4()` of what \
         was typed and of `socket.local_addr()?`, and `bail!` with a sentence when they differ.",
    ],
    handed_out: include_str!("handed-out/04-menu-chat.rs"),
};

/// How long an answer on the screen is waited for, at most, before the next line is typed.
const MOMENT: Duration = Duration::from_millis(50);

/// A chat with the first peer, and a second one that is not yet known to it.
struct Chat {
    program: Program,
    first: Peer,
    second: Peer,
}

impl Chat {
    fn start(stage: &Stage) -> Result<Self, Broken> {
        let (first, second) = (stage.peer("the first peer")?, stage.peer("the second peer")?);
        let (to, bind) = (first.address().to_string(), format!("{}:0", own_ip()));
        let program = stage.start(&[&*to, "--bind", &*bind])?;
        program.listening()?;
        Ok(Self { program, first, second })
    }

    /// Types a line, and gives the program a moment to say something about it. Nothing depends on that: the
    /// learner reads the screen in the order of a conversation.
    fn type_line(&self, line: &str) -> Result<(), Broken> {
        let said = || self.program.output().len() + self.program.errors().len();
        let (before, began) = (said(), Instant::now());
        self.program.type_line(line)?;
        let mut last = before;
        while began.elapsed() < MOMENT {
            thread::park_timeout(MOMENT / 10);
            let now = said();
            if now > before && now == last {
                break;
            }
            last = now;
        }
        Ok(())
    }

    /// Sends a message, which this peer must get.
    fn send(&self, text: &str, to: &Peer) -> Result<Datagram, Broken> {
        self.type_line("1")?;
        self.type_line(text)?;
        to.receive_exactly(text)
    }

    /// Types this where an address is asked for.
    fn type_address(&self, typed: &str) -> Result<(), Broken> {
        self.type_line("3")?;
        self.type_line(typed)
    }

    fn talk_to(&self, peer: &Peer) -> Result<(), Broken> {
        self.type_address(&peer.address().to_string())
    }

    /// Types what is no address for this socket, and waits for the line about it.
    fn type_wrong(&self, typed: &str) -> Result<(), Broken> {
        self.type_address(typed)?;
        let expected = format!("a line on standard error about {}", quoted(typed));
        self.program.error_line(&expected, |line| !line.trim().is_empty()).map(drop)
    }
}

fn the_menu_has_the_line(stage: &mut Stage) -> Result<(), Broken> {
    let chat = Chat::start(stage)?;
    let shows = |line: &str| line.trim().starts_with("3: address");
    chat.program.line("a line `3: address` of its own in the menu", shows).map(drop)
}

fn messages_go_there(stage: &mut Stage) -> Result<(), Broken> {
    let chat = Chat::start(stage)?;
    chat.send("one", &chat.first)?;
    chat.talk_to(&chat.second)?;
    chat.send("two", &chat.second)?;
    chat.send("three", &chat.second)?;
    chat.first.nothing_comes("nothing more for the first peer")?;
    chat.talk_to(&chat.first)?;
    chat.send("four", &chat.first).map(drop)
}

fn the_old_address_stays(stage: &mut Stage) -> Result<(), Broken> {
    let chat = Chat::start(stage)?;
    // Away from the address that the program began with: that one is not the old one.
    chat.talk_to(&chat.second)?;
    for (typed, text) in [("127.0.0.1", "one"), ("127.0.0.1:99999", "two"), ("nobody", "three")] {
        chat.type_wrong(typed)?;
        chat.send(text, &chat.second)?;
    }
    chat.type_address("")?;
    chat.send("four", &chat.second).map(drop)
}

fn the_other_family_is_refused(stage: &mut Stage) -> Result<(), Broken> {
    let chat = Chat::start(stage)?;
    chat.type_wrong("[::1]:7788")?;
    chat.send("still here?", &chat.first)?;
    chat.talk_to(&chat.second)?;
    chat.type_wrong("[::1]:7788")?;
    chat.send("still here?", &chat.second).map(drop)
}

fn the_socket_stays(stage: &mut Stage) -> Result<(), Broken> {
    let chat = Chat::start(stage)?;
    let port = chat.send("one", &chat.first)?.from;
    chat.talk_to(&chat.second)?;
    let seen = chat.send("two", &chat.second)?.from;
    let expected = format!("the second peer sees the sender {port}, as the first one did");
    stage.require(seen == port, &expected, format!("it sees {seen}"))?;
    heard(&chat, &chat.second, "hello from the second", port)?;
    heard(&chat, &chat.first, "hello from the first", port)
}

/// Sends this to the program, and lets it receive.
fn heard(chat: &Chat, peer: &Peer, text: &str, to: SocketAddr) -> Result<(), Broken> {
    peer.send(text, to)?;
    chat.type_line("2")?;
    let wanted = format!("from {}: {text}", peer.address());
    chat.program.line(&format!("the line `{wanted}`"), |line| line.contains(&wanted)).map(drop)
}

fn the_end_of_input_ends_it(stage: &mut Stage) -> Result<(), Broken> {
    let chat = Chat::start(stage)?;
    chat.talk_to(&chat.second)?;
    chat.send("one", &chat.second)?;
    chat.type_line("3")?;
    chat.program.end_input();
    chat.program.ends_with(0, "at the end of its input").map(drop)
}
