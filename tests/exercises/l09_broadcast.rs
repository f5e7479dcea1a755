use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use support::own_ip;

use crate::check::{Broken, Exercise, Promise};
use crate::stage::{Peer, Program, Stage, quoted};

pub const EXERCISE: Exercise = Exercise {
    folder: "09-broadcast",
    title: "Broadcast",
    promises: &[
        Promise {
            name: "everybody is asked with one datagram, and who answers is listed",
            task: "Send MESSAGE, as it is, in one datagram to TO. Listen for 300 ms. List whoever answered.",
            check: who_answers_is_listed,
        },
        Promise {
            name: "each that answers is listed once, however often it answers",
            task: "List whoever answered, each once: one line that begins with the address, IP address and \
                   port.",
            check: each_is_listed_once,
        },
        Promise {
            name: "when nobody answers within 300 ms, it says so and ends",
            task: "When nobody answered, say `nobody is there` in a line of its own. End with exit status 0.",
            check: nobody_is_there,
        },
        Promise {
            name: "whoever goes on answering gets no more time",
            task: "Listen for 300 ms, counted from the question: what comes in that time does not make it \
                   longer.",
            check: who_goes_on_answering_gets_no_more_time,
        },
    ],
    hints: &[
        "If the system says `Permission denied`: the lesson's sender has one line that yours lacks, between \
         `bind` and `send_to`.",
        "Do not `connect` the socket. The answers come from the addresses of those who answer, and none of \
         them is the one that you sent to. A `BTreeSet<SocketAddr>` takes the same address as often as you \
         like, and keeps it once.",
        "Take the time once, before the loop: `let deadline = Instant::now() + Duration::from_millis(300)`. \
         In each turn wait for what is left of it: `deadline.saturating_duration_since(Instant::now())`.",
        "In the loop, `receive_within(&socket, &mut buffer, Seconds(left))` gives `Some((_, from))`, and then \
         you insert `from`, or `None`, and then the time is over: `break`. Behind the loop, print a line for \
         each of the set, or `nobody is there` if it is empty.",
    ],
    handed_out: include_str!("handed-out/09-broadcast.rs"),
};

const LISTEN: Duration = Duration::from_millis(300);

/// On a busy machine 300 ms take longer. Nobody who counts wrongly is that near.
const LONG: Duration = Duration::from_secs(4);

const QUESTION: &str = "is anybody there?";

/// A program that has asked.
struct Asker {
    program: Program,
    started: Instant,
    /// When its question had come.
    asked: Instant,
    /// Where the answers go to.
    address: SocketAddr,
}

/// Who hears what is sent to everybody, and the address that it answers from.
fn listener(stage: &Stage) -> Result<(SocketAddr, Peer), Broken> {
    // Where the loopback broadcasts, a socket on the broadcast address hears broadcasts alone, and nobody
    // on another machine reaches it. What it sends comes from 127.0.0.1.
    let everybody = match cfg!(target_os = "linux") {
        true => Ipv4Addr::new(127, 255, 255, 255),
        false => Ipv4Addr::LOCALHOST,
    };
    let socket = bound(stage, everybody)?;
    let hears_as = SocketAddr::from((Ipv4Addr::LOCALHOST, port(&socket)));
    Ok((hears_as, stage.peer_with(&hears_as.to_string(), socket)))
}

/// Starts the program and takes its question.
fn asker(stage: &Stage, listener: &Peer) -> Result<Asker, Broken> {
    let to = listener.address();
    let started = Instant::now();
    let program = stage.start(&[&*to.to_string(), QUESTION])?;
    let expected = format!("who listens on port {} gets {}", to.port(), quoted(QUESTION));
    let question = listener.receive(&expected).map_err(permission)?;
    let asked = Instant::now();
    if question.payload != QUESTION.as_bytes() {
        return Err(stage.broken(&expected, question.quoted()));
    }
    Ok(Asker { program, started, asked, address: question.from })
}

/// Starts the program, takes its question, answers it so that these have answered, and looks at what
/// the program says until it ends.
fn asks_and_lists(
    stage: &Stage,
    listener: &Peer,
    answerers: &[SocketAddr],
    answer: impl Fn(&Asker) -> Result<(), Broken>,
) -> Result<(), Broken> {
    // A busy machine may keep a right program from the processor for all of the 300 ms, or us. So only
    // who overlooks an answer three times overlooks answers, and is told of the first.
    let mut overlooked = Vec::new();
    loop {
        let asker = asker(stage, listener)?;
        answer(&asker)?;
        let took = asker.ends()?;
        let listed = asker.lists(stage, answerers, &took);
        let all_there = answerers.iter().all(|&answerer| asker.lines_for(answerer) > 0);
        match listed {
            Err(broken) if !all_there && took.at_most >= LISTEN => overlooked.push(broken),
            listed => return listed,
        }
        if overlooked.len() == 3 {
            return Err(overlooked.swap_remove(0));
        }
    }
}

fn bound(stage: &Stage, ip: impl Into<IpAddr>) -> Result<UdpSocket, Broken> {
    let address = SocketAddr::new(ip.into(), 0);
    let bound = UdpSocket::bind(address);
    bound.map_err(|error| stage.broken(&format!("to bind {address}"), error.to_string()))
}

/// Somebody who answers, and is called by the address in the report.
fn answerer(stage: &Stage, ip: Ipv4Addr) -> Result<(SocketAddr, Peer), Broken> {
    let socket = bound(stage, ip)?;
    let address = SocketAddr::from((ip, port(&socket)));
    Ok((address, stage.peer_with(&address.to_string(), socket)))
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().expect("a bound socket has an address").port()
}

/// The system's words for a broadcast that was not asked for lead to the administrator. These do not.
fn permission(mut broken: Broken) -> Broken {
    if broken.screens.iter().any(|(_, screen)| screen.contains("Permission denied")) {
        broken.came += "\n`Permission denied` means: this socket may not broadcast. No administrator can \
                        help,\nbut an option of the socket: see `The permission` in the chapter.";
    }
    broken
}

/// How long the program was there.
struct Took {
    /// From its start to its end: longer than it listened.
    at_most: Duration,
    /// From its question, when we saw it, to its end: if the machine stood still, shorter.
    at_least: Duration,
}

impl Asker {
    /// Waits for the end of the program, with exit status 0.
    fn ends(&self) -> Result<Took, Broken> {
        self.program.ends_with(0, "300 ms after its question")?;
        Ok(Took { at_most: self.started.elapsed(), at_least: self.asked.elapsed() })
    }

    /// How many lines of the list this address has.
    fn lines_for(&self, answerer: SocketAddr) -> usize {
        let answerer = answerer.to_string();
        let begins = |line: &&str| {
            let rest = line.trim_start().strip_prefix(&*answerer);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
        };
        self.program.output().lines().filter(begins).count()
    }

    /// Whether the program, which has ended, listed each of these in one line, and took its time.
    fn lists(&self, stage: &Stage, answerers: &[SocketAddr], took: &Took) -> Result<(), Broken> {
        let output = self.program.output();
        let nobody = output.lines().any(|line| line.trim() == NOBODY);
        let ended = |time: Duration| format!("it ended after {} ms", time.as_millis());
        for &answerer in answerers {
            // The line that says where the question went to is none of the list.
            let holds =
                |line: &&str| line.contains(&answerer.to_string()) && !line.starts_with("sent ");
            let expected = format!("one line that begins with {answerer}, who answered");
            let came = match (self.lines_for(answerer), output.lines().find(holds)) {
                (1, _) => continue,
                (0, Some(line)) => format!("the line {} begins otherwise", quoted(line)),
                (0, None) if took.at_most < LISTEN => {
                    format!("no line of its standard output does: {}", ended(took.at_most))
                }
                (0, None) if nobody => format!(
                    "`{NOBODY}`: the answer did not get to your program. It came from another address \
                     than\nthe question went to: a socket that is connected drops such a one"
                ),
                (0, None) => "no line of its standard output does".to_owned(),
                (count, _) => format!("{count} lines do"),
            };
            return Err(stage.broken(&expected, came));
        }
        if answerers.is_empty() {
            stage.require(nobody, &format!("the line `{NOBODY}`"), "no line says that")?;
        } else {
            let expected = format!("no line `{NOBODY}`, since somebody answered");
            stage.require(!nobody, &expected, "there is one")?;
        }
        let expected = "the program listens for 300 ms, whoever answers by then, and then ends";
        stage.require(took.at_most >= LISTEN, expected, ended(took.at_most))?;
        stage.require(took.at_least < LONG, expected, ended(took.at_least))
    }
}

const NOBODY: &str = "nobody is there";

fn who_answers_is_listed(stage: &mut Stage) -> Result<(), Broken> {
    let (hears_as, listener) = listener(stage)?;
    let (second, peer) = answerer(stage, own_ip())?;
    asks_and_lists(stage, &listener, &[hears_as, second], |asker| {
        listener.send("I am", asker.address)?;
        peer.send("I am, too", asker.address)
    })?;
    // The program has ended, so all that it sent is there.
    listener.nothing_comes_for(Duration::from_millis(20), "one question, in one datagram")
}

fn each_is_listed_once(stage: &mut Stage) -> Result<(), Broken> {
    let (_, listener) = listener(stage)?;
    // Two of them share an IP address, as two programs of one machine do.
    let machine = own_ip();
    let mut peers = Vec::new();
    for ip in [machine, machine, own_ip()] {
        peers.push(answerer(stage, ip)?);
    }
    asks_and_lists(stage, &listener, &[peers[0].0, peers[1].0, peers[2].0], |asker| {
        for (peer, text) in [(0, "me"), (2, "me"), (0, "me"), (1, "me"), (0, "me, too"), (2, "me")]
        {
            peers[peer].1.send(text, asker.address)?;
        }
        Ok(())
    })
}

fn nobody_is_there(stage: &mut Stage) -> Result<(), Broken> {
    let (_, listener) = listener(stage)?;
    asks_and_lists(stage, &listener, &[], |_| {
        stage.step("and nobody answers");
        Ok(())
    })
}

fn who_goes_on_answering_gets_no_more_time(stage: &mut Stage) -> Result<(), Broken> {
    let (_, listener) = listener(stage)?;
    let ip = own_ip();
    let socket = bound(stage, ip)?;
    let answerer = SocketAddr::from((ip, port(&socket)));
    asks_and_lists(stage, &listener, &[answerer], |asker| {
        stage.step(format!("{answerer} answers, and again every 20 ms"));
        while asker.program.is_running() {
            if asker.asked.elapsed() >= LONG {
                let expected =
                    "the program ends 300 ms after its question, whoever goes on answering";
                let came = format!("it listens on, {} s later", LONG.as_secs());
                return Err(stage.broken(expected, came));
            }
            let sent = socket.send_to(b"still here", asker.address);
            sent.map_err(|error| stage.broken("the answer can be sent", error.to_string()))?;
            // Nothing more comes there: it passes the time.
            let _ = listener.receive_within(Duration::from_millis(20));
        }
        Ok(())
    })
}
