use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use support::{program, receive, udp};

use super::bare::bare;
use super::children::Unwatched;
use super::contest::{Contender, Contest, Turn};
use super::round_trips::{LOST_AFTER, MOST_LOST, arrives};
use super::table::{Table, Unit};

const SIZES: [usize; 3] = [10, 100, 1000];
/// What is said, 32 bytes.
const TEXT: &[u8; 32] = b"thirty-two bytes are one message";

/// Compares how many times a second what one member says reaches another one.
pub fn compare(contest: &Contest, table: &mut Table) {
    for members in SIZES {
        let what = format!("10-group, {members} members, deliveries");
        let contender = |name, server: fn() -> Result<Command>| {
            Contender::new(name, move || measure(server()?, members, contest.duration))
        };
        let [ours, theirs] = contest.in_turns(
            &what,
            [
                contender("10-group", || Ok(program!("10-group-server", "127.0.0.1:0"))),
                contender("bare loop", || bare("fan-out")),
            ],
        );
        table.compare(&what, Unit::Times, &ours, &theirs);
    }
}

/// One member speaks, and speaks on when all the others have heard it.
fn measure(server: Command, members: usize, duration: Duration) -> Result<Turn> {
    let mut server = Unwatched::start(server)?;
    let mut group = Vec::new();
    for number in 1..=members {
        group.push(join(server.address, number)?);
        server.empty_pipe();
    }
    let (speaker, listeners) = group.split_first().context("a group has members")?;

    let (mut delivered, mut lost) = (0, 0);
    let start = Instant::now();
    while start.elapsed() < duration {
        speaker.send(TEXT)?;
        for listener in listeners {
            match arrives(listener)? {
                true => delivered += 1,
                false => lost += 1,
            }
            ensure!(lost <= MOST_LOST, "{lost} deliveries were lost");
        }
        server.empty_pipe();
    }
    let rate = f64::from(delivered) / start.elapsed().as_secs_f64();
    Ok(Turn { rate, peak: server.peak_memory()?, lost })
}

/// A new member, and the last of so many: the server has said so before this returns.
fn join(server: SocketAddr, number: usize) -> Result<UdpSocket> {
    let socket = udp();
    socket.connect(server)?;
    socket.set_read_timeout(Some(LOST_AFTER))?;
    socket.send(format!("/name m{number}").as_bytes())?;
    socket.send(b"/who")?;
    let mut answer = [0; 2048];
    let (length, _) = receive(&socket, &mut answer).context("a member cannot join")?;
    let expected = format!("{number} here");
    ensure!(answer[..length].starts_with(expected.as_bytes()), "a member did not join");
    Ok(socket)
}

/// Lets this process have a socket for each member of the largest group, and some files beside them.
pub fn allow_sockets() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let wanted = SIZES.iter().max().map_or(0, |&members| members as u64) + 24;
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit { current: Some(wanted), ..limit };
        setrlimit(Resource::Nofile, raised)
            .with_context(|| format!("{wanted} open files are not allowed"))?;
    }
    Ok(())
}
