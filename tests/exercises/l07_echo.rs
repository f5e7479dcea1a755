use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Peer, Program, Stage};

pub const EXERCISE: Exercise = Exercise {
    folder: "07-echo",
    title: "Echo",
    promises: &[
        Promise {
            name: "five datagrams at once come back unchanged, the sixth does not",
            task: "Answer at most five datagrams a second for one sender. What is too much is dropped.",
            check: five_come_back_the_sixth_does_not,
        },
        Promise {
            name: "another sender does not notice",
            task: "Other senders do not notice.",
            check: another_sender_does_not_notice,
        },
        Promise {
            name: "a second later the sender is answered again",
            task: "At most five datagrams a second: when the second is over, five more.",
            check: a_second_later_it_is_answered_again,
        },
        Promise {
            name: "who goes on asking too much still gets five a second",
            task: "At most five answers a second: what was dropped was not answered, and does not count.",
            check: what_was_dropped_does_not_count,
        },
    ],
    hints: &[
        "The server has to remember something about each sender between two datagrams. What is a sender's \
         identity here? `receive` hands it to you. A `HashMap` from that to what you remember lives outside \
         of the loop.",
        "Remember the moments of the last answers: `HashMap<SocketAddr, VecDeque<Instant>>`. \
         `entry(from).or_default()` finds or makes the queue of this sender.",
        "Before you answer, take those moments out of the front of the queue that are a second old or older. \
         If five are left, drop the datagram: `continue`. Only when you answer, push `Instant::now()`.",
    ],
    handed_out: include_str!("handed-out/07-echo.rs"),
};

const SECOND: Duration = Duration::from_secs(1);

fn start(stage: &Stage) -> Result<(Program, SocketAddr), Broken> {
    let program = stage.start(&["127.0.0.1:0"])?;
    let server = program.listening()?;
    Ok((program, server))
}

/// Sends six datagrams at once and takes the five answers: when the first was sent.
fn six_at_once(stage: &Stage, sender: &Peer, server: SocketAddr) -> Result<Instant, Broken> {
    let began = Instant::now();
    for text in ["one", "two", "三", "four", "five", "six"] {
        sender.send(text, server)?;
    }
    for text in ["one", "two", "三", "four", "five"] {
        sender.receive_exactly(text)?;
    }
    let sixth = sender.receive_within(crate::stage::BRIEFLY);
    // On a machine that stood still the second may be over, and then six are right.
    let late = began.elapsed() >= SECOND;
    match sixth {
        Some(datagram) if !late => {
            Err(stage.broken("no answer to the sixth within one second", datagram.quoted()))
        }
        _ => Ok(began),
    }
}

fn five_come_back_the_sixth_does_not(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, server) = start(stage)?;
    six_at_once(stage, &stage.peer("the client")?, server).map(drop)
}

fn another_sender_does_not_notice(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, server) = start(stage)?;
    let (eager, quiet) = (stage.peer("the eager client")?, stage.peer("the quiet client")?);
    six_at_once(stage, &eager, server)?;
    for text in ["a", "b", "c", "d", "e"] {
        quiet.send(text, server)?;
        quiet.receive_exactly(text)?;
    }
    Ok(())
}

fn a_second_later_it_is_answered_again(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, server) = start(stage)?;
    let sender = stage.peer("the client")?;
    let began = six_at_once(stage, &sender, server)?;
    let left =
        (began + SECOND + Duration::from_millis(200)).saturating_duration_since(Instant::now());
    sender.nothing_comes_for(left, "the sixth stays unanswered, also later")?;
    stage.step("1.2 seconds after the first");
    sender.send("again", server)?;
    sender.receive_exactly("again").map(drop)
}

fn what_was_dropped_does_not_count(stage: &mut Stage) -> Result<(), Broken> {
    let (_program, server) = start(stage)?;
    let sender = stage.peer("the client")?;
    let began = six_at_once(stage, &sender, server)?;
    stage.step("and now one every tenth of a second");
    while began.elapsed() < 2 * SECOND {
        sender.send("more", server)?;
        if sender.receive_within(SECOND / 10).is_some() {
            return Ok(());
        }
    }
    Err(stage.broken(
        "an answer as soon as the first five are more than a second old",
        "none, two seconds after them",
    ))
}
