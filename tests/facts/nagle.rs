//! Two small writes and then a read: the one pattern that Nagle's algorithm and the delayed
//! acknowledgement together make slow.
//!
//! The sender keeps the second small segment until the first is acknowledged (RFC 896; RFC 9293,
//! section 3.7.4), and the receiver keeps the acknowledgement back in the hope of something to send
//! with it (RFC 9293, section 3.8.6.3): each waits for the other until a timer ends it, on Linux
//! after some 40 ms. The very first rounds are quick, since a young connection acknowledges at
//! once.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::tcp::pair;

const ROUNDS: usize = 20;

/// How long each request of two bytes waits for its answer, the shortest first.
fn waits(nodelay: bool, writes: &[&[u8]]) -> Vec<Duration> {
    let (mut client, mut server) = pair();
    client.set_nodelay(nodelay).unwrap();
    let server = thread::spawn(move || {
        let mut request = [0; 2];
        while server.read_exact(&mut request).is_ok() {
            server.write_all(b"!").unwrap();
        }
    });
    let round = |_| {
        let start = Instant::now();
        for part in writes {
            client.write_all(part).unwrap();
        }
        client.read_exact(&mut [0]).unwrap();
        start.elapsed()
    };
    let mut waits: Vec<_> = (0..ROUNDS).map(round).collect();
    drop(client);
    server.join().unwrap();
    waits.sort();
    waits
}

/// Compares the usual wait of two writes with the shortest of `quick`: a busy machine makes single
/// rounds longer, and none shorter.
#[track_caller]
fn is_much_quicker_than_two_writes(quick: Vec<Duration>) {
    let slow = waits(false, &[b"a", b"b"]);
    let (usual, shortest) = (slow[ROUNDS / 2], quick[0]);
    assert!(usual > 5 * shortest, "two writes {usual:?}, against {shortest:?}");
}

/// TCP_NODELAY turns Nagle's algorithm off (tcp(7)).
#[test]
fn nodelay_spares_the_second_write_its_wait() {
    is_much_quicker_than_two_writes(waits(true, &[b"a", b"b"]));
}

/// What belongs together and goes out in one write never waits, with no option at all.
#[test]
fn one_write_for_the_whole_request_does_not_wait() {
    is_much_quicker_than_two_writes(waits(false, &[b"ab"]));
}
