use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use support::{nobodys_address, own_ip};

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Peer, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "03-duplex",
    title: "Duplex",
    promises: &[
        Promise {
            name: "without an answer it asks three times, 300 ms apart",
            task: "Send MESSAGE to TO up to three times, and wait 300 ms for the answer each time.",
            check: it_asks_three_times,
        },
        Promise {
            name: "then it says that there is no answer, and ends with status 1",
            task: "When the third wait is over, after 0.9 seconds in all, the program says `no answer from \
                   ADDR` on standard error, and ends with status 1.",
            check: it_gives_up,
        },
        Promise {
            name: "an answer to the second ask ends it, and there is no third",
            task: "The first answer is shown as before, `from ADDR: text`. It ends the program with \
                   status 0, and nothing more is sent.",
            check: an_answer_ends_it,
        },
        Promise {
            name: "an answer counts only from the address that was asked",
            task: "Only what comes from TO, its address and its port, is an answer. A datagram from a \
                   stranger is not shown as one.",
            check: a_stranger_does_not_answer,
        },
        Promise {
            name: "a stranger's datagram gives no more time, and takes none away",
            task: "A datagram from a stranger gives nobody more time, and takes none away.",
            check: a_stranger_moves_no_deadline,
        },
        Promise {
            name: "a port where nobody is bound is no answer either",
            task: "It is the same when nobody is bound to that port: `no answer from ADDR`, after three \
                   waits of 300 ms.",
            check: nobody_is_no_answer,
        },
    ],
    hints: &[
        "Two loops, one in the other. The outer one asks, three times at most. The inner one waits for this \
         ask's answer, and goes round once more for each datagram that is none.",
        "The outer one sends, and sets a deadline: `Instant::now() + Duration::from_millis(300)`. The inner \
         one calls `receive_within` with what is left until then: \
         `Seconds(deadline.saturating_duration_since(Instant::now()))`.",
        "`receive_within` tells who sent the datagram. `if from == to`, show it and `return Ok(())`. If it \
         is somebody else, do nothing: the loop goes round, and the deadline stays. On `None`, `break`.",
        "Behind the outer loop nothing came three times: `bail!(\"no answer from {to}\")`. If you `connect` \
         instead, the system keeps strangers out, but it also reports a port where nobody is bound, as an \
         error of the next call. That error is no reason to end: use `send_connected`.",
    ],
    handed_out: include_str!("handed-out/03-duplex.rs"),
};

const WAIT: Duration = Duration::from_millis(300);

/// What a wait may end early: the timeout of a socket is not exact everywhere.
const EARLY: Duration = Duration::from_millis(20);

/// A program that asks, and a moment before which it did not: when it was started, and then when nothing had
/// come from it yet. All that must not come too early is measured from there: a busy machine can only make it
/// later.
struct Asking<'a> {
    stage: &'a Stage,
    program: Program,
    began: Cell<Instant>,
}

impl<'a> Asking<'a> {
    fn start(stage: &'a Stage, to: SocketAddr) -> Result<Self, Broken> {
        let began = Instant::now();
        let bind = format!("{}:0", own_ip());
        let program = stage.start(&[&*to.to_string(), "ping", "--bind", &*bind])?;
        Ok(Self { stage, program, began: Cell::new(began) })
    }

    /// The next ask, which is this one of the three, from 0: who asks.
    fn ask(&self, peer: &Peer, number: u32) -> Result<SocketAddr, Broken> {
        let nth = ["the first ask", "the second ask", "the third ask"][number as usize];
        let (datagram, not_before) = peer.receive_timed(nth)?;
        if let (0, Some(not_before)) = (number, not_before) {
            self.began.set(not_before);
        }
        let after = self.elapsed();
        let expected = format!("{nth}, \"ping\"");
        self.stage.require(datagram.payload == b"ping", &expected, datagram.quoted())?;
        self.not_before(number, after, nth)?;
        Ok(datagram.from)
    }

    /// How long it has been asking, or longer.
    fn elapsed(&self) -> Duration {
        self.began.get().elapsed()
    }

    /// Goes on when this is not before so many waits are over.
    fn not_before(&self, waits: u32, after: Duration, what: &str) -> Result<(), Broken> {
        let expected = match waits {
            1 => format!("{what} when the first has waited 300 ms"),
            _ => format!("{what} when {waits} waits of 300 ms are over"),
        };
        let came = format!("that was already {} ms after the first ask", after.as_millis());
        self.stage.require(after >= waits * (WAIT - EARLY), &expected, came)
    }

    /// Waits for the end without an answer, which is to come three waits after the start.
    fn gives_up(&self, to: SocketAddr) -> Result<(), Broken> {
        let ended = self.program.ends_with(1, "when the third wait is over")?;
        let after = self.elapsed();
        self.not_before(3, after, "the end")?;
        let words = format!("no answer from {to}");
        let said = ended.errors.contains(&words);
        let came = format!("there it says {}", quoted(ended.errors.trim_end()));
        self.stage.require(said, &format!("`{words}` on standard error"), came)?;
        let came = format!("it took {:.1} s", after.as_secs_f64());
        self.stage.require(after < LATE, "the end about 0.9 s after the start", came)
    }
}

/// When the last of three waits is over at the latest, on a machine that has a lot to do. Waits of a second
/// take longer on any.
const LATE: Duration = Duration::from_millis(2900);

fn it_asks_three_times(stage: &mut Stage) -> Result<(), Broken> {
    let peer = stage.peer("the peer")?;
    let asking = Asking::start(stage, peer.address())?;
    asking.ask(&peer, 0)?;
    let first = Instant::now();
    asking.ask(&peer, 1)?;
    asking.ask(&peer, 2)?;
    let came = format!("it came {:.1} s after the first", first.elapsed().as_secs_f64());
    stage.require(
        first.elapsed() < LATE - Duration::from_secs(1),
        "the third ask about 0.6 s after the first",
        came,
    )
}

fn it_gives_up(stage: &mut Stage) -> Result<(), Broken> {
    let peer = stage.peer("the peer")?;
    let asking = Asking::start(stage, peer.address())?;
    for number in 0..3 {
        asking.ask(&peer, number)?;
    }
    asking.gives_up(peer.address())?;
    // The program has ended: what it sent is here already.
    peer.nothing_comes_for(EARLY, "no fourth ask")
}

fn an_answer_ends_it(stage: &mut Stage) -> Result<(), Broken> {
    // On a machine that stood still nothing can be told from a third ask, and another program has to show
    // what it does.
    for _ in 0..3 {
        if is_ended_by_an_answer(stage)? {
            break;
        }
    }
    Ok(())
}

/// Answers the second ask. Whether that was in time, so that a third one would have been wrong.
fn is_ended_by_an_answer(stage: &Stage) -> Result<bool, Broken> {
    let peer = stage.peer("the peer")?;
    let asking = Asking::start(stage, peer.address())?;
    asking.ask(&peer, 0)?;
    let from = asking.ask(&peer, 1)?;
    peer.send("pong", from)?;
    let in_time = asking.elapsed() < 2 * (WAIT - EARLY);
    shows(&asking.program, &peer, "pong")?;
    asking.program.ends_with(0, "when it has its answer")?;
    match peer.receive_within(EARLY) {
        Some(datagram) if in_time => {
            Err(stage.broken("no third ask after the answer", datagram.quoted()))
        }
        third => Ok(in_time || third.is_none()),
    }
}

/// Waits until the answer is shown.
fn shows(program: &Program, peer: &Peer, text: &str) -> Result<(), Broken> {
    let wanted = format!("from {}: {text}", peer.address());
    program.line(&format!("the line `{wanted}`"), |line| line.starts_with(&wanted)).map(drop)
}

fn a_stranger_does_not_answer(stage: &mut Stage) -> Result<(), Broken> {
    let peer = stage.peer("the peer")?;
    // On the machine of the peer: its address alone does not tell them apart.
    let stranger = stage.peer_on("a stranger", SocketAddr::new(peer.address().ip(), 0))?;
    let asking = Asking::start(stage, peer.address())?;
    let from = asking.ask(&peer, 0)?;
    stage.step(format!("the peer is {}, the stranger {}", peer.address(), stranger.address()));
    stranger.send("believe me", from)?;
    peer.send("pong", from)?;
    shows(&asking.program, &peer, "pong")?;
    let ended = asking.program.ends_with(0, "when it has its answer")?;
    let believed = format!("from {}", stranger.address());
    let line = ended.output.lines().find(|line| line.starts_with(&believed));
    let expected = "what the stranger sent is not shown as an answer";
    stage.require(
        line.is_none(),
        expected,
        format!("the line {}", quoted(line.unwrap_or_default())),
    )
}

fn a_stranger_moves_no_deadline(stage: &mut Stage) -> Result<(), Broken> {
    let peer = stage.peer("the peer")?;
    let asking = Asking::start(stage, peer.address())?;
    let to = asking.ask(&peer, 0)?;
    stage.step("from now on a stranger sent \"believe me\" every 50 ms");
    // Not a peer: the learner would be told each of its datagrams.
    let stranger = UdpSocket::bind((own_ip(), 0)).map_err(|error| {
        stage.broken("a free port of the loopback can be bound", error.to_string())
    })?;
    let mut asks = 1;
    while asking.program.is_running() && asking.elapsed() < LATE {
        // A program that has ended in between is no fault of the stranger.
        let _ = stranger.send_to(b"believe me", to);
        if peer.receive_within(WAIT / 6).is_some() {
            asking.not_before(asks, asking.elapsed(), "an ask")?;
            asks += 1;
        }
    }
    while peer.receive_within(EARLY).is_some() {
        asks += 1;
    }
    let after = asking.elapsed().as_secs_f64();
    let came = format!("{asks} in {after:.1} s, with the stranger in between");
    stage.require(asks == 3, "three asks, 300 ms apart", came)?;
    asking.gives_up(peer.address())
}

fn nobody_is_no_answer(stage: &mut Stage) -> Result<(), Broken> {
    let nobody = nobodys_address();
    Asking::start(stage, nobody)?.gives_up(nobody)
}
