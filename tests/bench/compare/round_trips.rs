use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sockets_by_example::stream::is_timeout;
use support::{program, receive, udp};

use super::bare::bare;
use super::children::{Unwatched, missing};
use super::contest::{Contender, Contest, Turn};
use super::table::{Table, Unit, ratio};

/// What is asked, 32 bytes.
const REQUEST: &[u8; 32] = b"thirty-two bytes are one request";
/// How many requests are made between two looks at the clock. The lines that our servers print of them
/// fit into a pipe.
const BATCH: u32 = 100;
/// On loopback an answer takes microseconds; after so long it does not come any more.
pub const LOST_AFTER: Duration = Duration::from_secs(1);
/// How many losses are enough to give up.
pub const MOST_LOST: u32 = 10;

/// The server that a reader would write in Python.
const PYTHON: &str = r#"
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
host, port = server.getsockname()
print(f"listening on {host}:{port}", flush=True)
while True:
    request, client = server.recvfrom(2048)
    server.sendto(request.upper(), client)
"#;

/// Compares how many requests a second are answered, one after the other.
pub fn compare(contest: &Contest, table: &mut Table) {
    let contender = |name, server: fn() -> Result<Command>| {
        Contender::new(name, move || measure(server()?, contest.duration))
    };
    let python = match missing("python3", "--version") {
        Some(why) => Contender::missing(why),
        None => contender("Python, eight lines", || {
            let mut command = Command::new("python3");
            command.args(["-c", PYTHON]);
            Ok(command)
        }),
    };
    let [upper, echo, silent, printing, python] = contest.in_turns(
        "round trips",
        [
            contender("06-upper", || Ok(program!("06-upper-server", "127.0.0.1:0"))),
            contender("07-echo", || Ok(program!("07-echo-server", "127.0.0.1:0"))),
            contender("bare loop", || bare("echo")),
            contender("bare loop that prints", || bare("print-and-echo")),
            python,
        ],
    );
    for ours in [&upper, &echo] {
        let what = format!("{}, round trips", ours.name);
        for theirs in [&silent, &python] {
            table.compare(&what, Unit::Times, ours, theirs);
        }
    }
    let printing_costs = ratio(&printing, &silent);
    if let (Some(cost), Some(upper), Some(echo)) =
        (printing_costs, ratio(&upper, &printing), ratio(&echo, &printing))
    {
        table.remark(format!(
            "Our servers print a line for each datagram, the bare loop and Python do not. A bare loop that\n\
             prints too reaches {cost:.2} of the silent one; of that, 06-upper reaches {upper:.2} and 07-echo {echo:.2}."
        ));
    }
}

/// Has one request after the other answered by a server that is started for it.
fn measure(server: Command, duration: Duration) -> Result<Turn> {
    let mut server = Unwatched::start(server)?;
    let socket = udp();
    socket.connect(server.address)?;
    socket.set_read_timeout(Some(LOST_AFTER))?;
    let (mut answered, mut lost) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < duration {
        for _ in 0..BATCH {
            socket.send(REQUEST)?;
            match arrives(&socket)? {
                true => answered += 1,
                false => lost += 1,
            }
            ensure!(lost <= MOST_LOST, "{lost} answers were lost");
        }
        server.empty_pipe();
    }
    let rate = f64::from(answered) / start.elapsed().as_secs_f64();
    Ok(Turn { rate, peak: server.peak_memory()?, lost })
}

/// Waits for a datagram: whether one came before it counts as lost.
pub fn arrives(socket: &UdpSocket) -> Result<bool> {
    match receive(socket, &mut [0; 64]) {
        Ok(_) => Ok(true),
        Err(error) if is_timeout(&error) => Ok(false),
        Err(error) => Err(error).context("cannot receive"),
    }
}
