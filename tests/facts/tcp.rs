//! The stream: bytes in order, without messages, with an end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use support::{accept, again, connect, tcp};

use crate::until;

/// The two ends of one connection over loopback. Each read and each write is bounded.
pub fn pair() -> (TcpStream, TcpStream) {
    let listener = tcp();
    let ours = connect(listener.local_addr().unwrap());
    (ours, accept(&listener))
}

/// Waits until this many bytes lie ready, and leaves them there.
fn until_ready(stream: &TcpStream, bytes: usize) {
    let mut buffer = vec![0; bytes];
    until("the bytes have come", || {
        (again(|| stream.peek(&mut buffer)).unwrap() == bytes).then_some(())
    });
}

/// TCP keeps the order of the bytes and forgets how they were handed over: two writes can come out
/// of one read (RFC 9293, section 2.2: "a reliable, in-order, byte-stream service").
#[test]
fn two_writes_come_out_of_one_read() {
    let (mut ours, mut peer) = pair();
    ours.write_all(b"ab").unwrap();
    ours.write_all(b"cd").unwrap();
    until_ready(&peer, 4);
    let mut buffer = [0; 64];
    assert_eq!(again(|| peer.read(&mut buffer)).unwrap(), 4);
    assert_eq!(&buffer[..4], b"abcd");
}

/// The other way about: one write can need several reads.
#[test]
fn one_write_comes_out_of_two_reads() {
    let (mut ours, mut peer) = pair();
    ours.write_all(b"abcd").unwrap();
    until_ready(&peer, 4);
    let mut buffer = [0; 3];
    assert_eq!(again(|| peer.read(&mut buffer)).unwrap(), 3);
    assert_eq!(again(|| peer.read(&mut buffer)).unwrap(), 1);
}

/// The end of a stream is a `read` of no bytes, not an error, and every later `read` says it again
/// (`std::io::Read::read`; recv(2), "Return value").
#[test]
fn the_end_of_a_stream_reads_as_no_bytes() {
    let (mut ours, mut peer) = pair();
    peer.write_all(b"last words").unwrap();
    drop(peer);
    let mut buffer = [0; 64];
    ours.read_exact(&mut buffer[..10]).unwrap();
    assert_eq!(again(|| ours.read(&mut buffer)).unwrap(), 0);
    assert_eq!(again(|| ours.read(&mut buffer)).unwrap(), 0);
}

/// A half-close ends one direction: the peer's words are over, and ours still reach it (RFC 9293,
/// section 3.6; shutdown(2)).
#[test]
fn after_a_half_close_the_other_direction_still_carries() {
    let (mut ours, mut peer) = pair();
    peer.shutdown(Shutdown::Write).unwrap();
    let mut buffer = [0; 64];
    assert_eq!(again(|| ours.read(&mut buffer)).unwrap(), 0);
    ours.write_all(b"still here").unwrap();
    drop(ours);
    assert_eq!(support::read_to_end(&mut peer), b"still here");
}

/// A `write` hands bytes to the kernel and does not wait for the peer: the first one after the peer
/// has closed succeeds, its bytes are answered with a reset, and the second one learns of it. No
/// signal ends the process: this test lives to see the error (send(2), EPIPE and MSG_NOSIGNAL).
#[test]
#[cfg(target_os = "linux")]
fn after_the_peer_has_closed_the_first_write_succeeds_and_the_second_breaks() {
    let (mut ours, peer) = pair();
    drop(peer);
    assert_eq!(again(|| ours.read(&mut [0])).unwrap(), 0, "the peer's end has come");

    assert_eq!(ours.write(b"first").unwrap(), 5);
    until("the reset has come", || ours.take_error().unwrap());
    let second = ours.write(b"second").unwrap_err();
    assert_eq!(second.kind(), ErrorKind::BrokenPipe);
}

/// Closing a stream with bytes that were never read is not an orderly end: the peer gets a reset,
/// so that it knows of the loss (RFC 9293, section 3.6.1; RFC 2525, section 2.17).
#[test]
#[cfg(target_os = "linux")]
fn closing_with_unread_bytes_resets_the_connection() {
    let (mut ours, peer) = pair();
    ours.write_all(b"never read").unwrap();
    until_ready(&peer, 10);
    drop(peer);
    let error = again(|| ours.read(&mut [0])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// A non-blocking `write` takes what the buffers of both ends hold and says how much that was;
/// where nothing fits at all it is `WouldBlock`. What it took arrives, and no more (write(2),
/// EAGAIN).
#[test]
#[cfg(target_os = "linux")]
fn a_non_blocking_write_takes_a_part_and_then_would_block() {
    let (mut ours, mut peer) = pair();
    ours.set_nonblocking(true).unwrap();
    let much = vec![0; 64 << 20];
    let mut taken = Vec::new();
    let full = loop {
        match ours.write(&much) {
            Ok(length) => taken.push(length),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock);
    let &last = taken.last().expect("empty buffers take something");
    assert!(0 < last && last < much.len(), "a short write: {taken:?}");
    let taken: usize = taken.iter().sum();
    assert!(taken > 100_000, "far more than a packet: {taken}");

    drop(ours);
    assert_eq!(support::read_to_end(&mut peer).len(), taken);
}

/// An address has one listener. SO_REUSEADDR, which std sets on Unix, changes nothing about that as
/// long as the first one lives (socket(7)).
#[test]
fn a_second_listener_on_a_live_address_is_refused() {
    let live = tcp();
    let second = TcpListener::bind(live.local_addr().unwrap());
    assert_eq!(second.unwrap_err().kind(), ErrorKind::AddrInUse);
}

/// The listener only made the connection; what it accepted is a socket of its own (accept(2)).
#[test]
fn an_accepted_connection_outlives_its_listener() {
    let listener = tcp();
    let address = listener.local_addr().unwrap();
    let mut ours = connect(address);
    let mut peer = accept(&listener);
    drop(listener);
    until("nobody listens any more", || TcpStream::connect(address).err());

    ours.write_all(b"still here").unwrap();
    let mut buffer = [0; 10];
    peer.read_exact(&mut buffer).unwrap();
    assert_eq!(&buffer, b"still here");
    drop(peer);
    assert_eq!(again(|| ours.read(&mut buffer)).unwrap(), 0);
}

/// A connection that was made and never accepted goes with the listener in whose backlog it waits,
/// and the client is told by a reset.
#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_waits_in_the_backlog_is_reset_when_its_listener_closes() {
    let listener = tcp();
    let mut ours = connect(listener.local_addr().unwrap());
    ours.write_all(b"never accepted").unwrap();
    drop(listener);
    assert_eq!(again(|| ours.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
}
