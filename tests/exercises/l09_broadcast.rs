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
const LONG: Duration = Duration::from_secs(2);

const QUESTION: &str = "is anybody there?";

/// A program that has asked.
struct Asker {
    program: Program,
    started: Instant,
    /// When its question had come.
    asked: Instant,
    /// Where the answers go to.
    address: SocketAddr,
    /// Who heard the question, and can answer from `hears_as`.
    listener: Peer,
    hears_as: SocketAddr,
}

/// Starts the program and takes its question.
fn asker(stage: &Stage) -> Result<Asker, Broken> {
    // Where the loopback broadcasts, a socket on the broadcast address hears broadcasts alone, and nobody
    // on another machine reaches it. What it sends comes from 127.0.0.1.
    let everybody = match cfg!(target_os = "linux") {
        true => Ipv4Addr::new(127, 255, 255, 255),
        false => Ipv4Addr::LOCALHOST,
    };
    let socket = bound(stage, everybody)?;
    let to = SocketAddr::from((everybody, port(&socket)));
    let hears_as = SocketAddr::from((Ipv4Addr::LOCALHOST, port(&socket)));
    let listener = stage.peer_with(&hears_as.to_string(), socket);

    let started = Instant::now();
    let program = stage.start(&[&*to.to_string(), QUESTION])?;
    let expected = format!("who listens on port {} gets {}", to.port(), quoted(QUESTION));
    let question = listener.receive(&expected).map_err(permission)?;
    let asked = Instant::now();
    if question.payload != QUESTION.as_bytes() {
        return Err(stage.broken(&expected, question.quoted()));
    }
    Ok(Asker { program, started, asked, address: question.from, listener, hears_as })
}

/// Starts the program, takes its question, and answers it while the program certainly listens.
fn answered(stage: &Stage, answer: impl Fn(&Asker) -> Result<(), Broken>) -> Result<Asker, Broken> {
    let mut asked = 1;
    loop {
        let asker = asker(stage)?;
        answer(&asker)?;
        // On a machine that stood still the time may have been over, and then nothing can be told from
        // what the program makes of it.
        if asker.started.elapsed() < LISTEN || asked == 5 {
            return Ok(asker);
        }
        stage.step("that may have been too late, so once more");
        asker.program.kill();
        asked += 1;
    }
}

fn bound(stage: &Stage, ip: impl Into<IpAddr>) -> Result<UdpSocket, Broken> {
    let address = SocketAddr::new(ip.into(), 0);
    let bound = UdpSocket::bind(address);
    bound.map_err(|error| stage.broken(&format!("to bind {address}"), error.to_string()))
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

impl Asker {
    /// Waits for its end, which comes after 300 ms and not much later, with exit status 0.
    fn ends(&self, stage: &Stage) -> Result<(), Broken> {
        self.program.ends_with(0, "300 ms after its question")?;
        // From the start of the program to its end is longer than the time for which it listens, and from
        // the question as we saw it is shorter, so a machine that stands still spoils neither.
        let (at_most, at_least) = (self.started.elapsed(), self.asked.elapsed());
        let expected =
            "the program listens for 300 ms, whoever has answered by then, and then ends";
        let came = |time: Duration| format!("it ended after {} ms", time.as_millis());
        stage.require(at_most >= LISTEN, expected, came(at_most))?;
        stage.require(at_least < LONG, expected, came(at_least))
    }

    /// Whether it lists each of these, who answered, in one line.
    fn lists(&self, stage: &Stage, answerers: &[SocketAddr]) -> Result<(), Broken> {
        let output = self.program.output();
        let nobody = output.lines().any(|line| line.trim() == NOBODY);
        for answerer in answerers.iter().map(SocketAddr::to_string) {
            let begins = |line: &&str| {
                let rest = line.trim_start().strip_prefix(&*answerer);
                rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
            };
            // The line that says where the question went to is none of the list.
            let holds = |line: &&str| line.contains(&answerer) && !line.starts_with("sent ");
            let expected = format!("one line that begins with {answerer}, who answered");
            let came = match (output.lines().filter(begins).count(), output.lines().find(holds)) {
                (1, _) => continue,
                (0, Some(line)) => format!("the line {} begins otherwise", quoted(line)),
                (0, None) if nobody => format!(
                    "`{NOBODY}`: the answer did not get to your program. It came from another address \
                     than\nthe question went to: a socket that is connected drops such a one"
                ),
                (0, None) => "no line of its standard output does".to_owned(),
                (count, _) => format!("{count} lines do"),
            };
            return Err(stage.broken(&expected, came));
        }
        let expected = format!("no line `{NOBODY}`, since somebody answered");
        stage.require(!nobody, &expected, "there is one")
    }
}

const NOBODY: &str = "nobody is there";

fn who_answers_is_listed(stage: &mut Stage) -> Result<(), Broken> {
    let asker = answered(stage, |asker| asker.listener.send("I am", asker.address))?;
    asker.ends(stage)?;
    asker.lists(stage, &[asker.hears_as])?;
    // It has ended, so what it sent is there.
    asker.listener.nothing_comes_for(Duration::from_millis(20), "one question, in one datagram")
}

fn each_is_listed_once(stage: &mut Stage) -> Result<(), Broken> {
    // Two of them share an IP address, as two programs of one machine do.
    let machine = own_ip();
    let mut peers = Vec::new();
    for ip in [machine, machine, own_ip()] {
        let socket = bound(stage, ip)?;
        let address = SocketAddr::from((ip, port(&socket)));
        peers.push((address, stage.peer_with(&address.to_string(), socket)));
    }
    let asker = answered(stage, |asker| {
        for (peer, text) in [(0, "me"), (2, "me"), (0, "me"), (1, "me"), (0, "me, too"), (2, "me")]
        {
            peers[peer].1.send(text, asker.address)?;
        }
        Ok(())
    })?;
    asker.ends(stage)?;
    asker.lists(stage, &[peers[0].0, peers[1].0, peers[2].0])
}

fn nobody_is_there(stage: &mut Stage) -> Result<(), Broken> {
    let asker = asker(stage)?;
    stage.step("and nobody answers");
    asker.ends(stage)?;
    let output = asker.program.output();
    let says_so = output.lines().any(|line| line.trim() == NOBODY);
    stage.require(says_so, &format!("the line `{NOBODY}`"), "no line says that")
}

fn who_goes_on_answering_gets_no_more_time(stage: &mut Stage) -> Result<(), Broken> {
    let ip = own_ip();
    let socket = bound(stage, ip)?;
    let answerer = SocketAddr::from((ip, port(&socket)));
    let answer = |asker: &Asker| {
        let sent = socket.send_to(b"still here", asker.address);
        sent.map(drop).map_err(|error| stage.broken("the answer can be sent", error.to_string()))
    };
    let asker = answered(stage, answer)?;
    stage.step(format!("{answerer} answered, and again every 20 ms"));
    while asker.program.is_running() {
        if asker.asked.elapsed() >= LONG {
            let expected = "the program ends 300 ms after its question, whoever goes on answering";
            let came = format!("it listens on, {} s later", LONG.as_secs());
            return Err(stage.broken(expected, came));
        }
        answer(&asker)?;
        // Nothing more comes there: it passes the time.
        let _ = asker.listener.receive_within(Duration::from_millis(20));
    }
    asker.ends(stage)?;
    asker.lists(stage, &[answerer])
}
