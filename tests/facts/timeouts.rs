//! A bounded wait: what a read says when its time is over.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use support::{BRIEFLY, receive, udp};

use crate::tcp::pair;

/// The same timeout has two names: Unix says that the read would block, Windows that it timed out
/// (`UdpSocket::set_read_timeout`, "Platform-specific behavior").
const OVER: ErrorKind = if cfg!(windows) { ErrorKind::TimedOut } else { ErrorKind::WouldBlock };

/// A receive with a timeout gives up with an error of its own.
#[test]
fn a_receive_whose_time_is_over_says_so() {
    let socket = udp();
    socket.set_read_timeout(Some(BRIEFLY)).unwrap();
    assert_eq!(receive(&socket, &mut [0]).unwrap_err().kind(), OVER);
}

/// So does a read of a stream: nothing came is not the end of the stream.
#[test]
fn a_read_whose_time_is_over_is_not_the_end_of_the_stream() {
    let (mut ours, _peer) = pair();
    ours.set_read_timeout(Some(BRIEFLY)).unwrap();
    let over = loop {
        match ours.read(&mut [0]).unwrap_err().kind() {
            // This process was stopped meanwhile (signal(7)).
            ErrorKind::Interrupted => {}
            kind => break kind,
        }
    };
    assert_eq!(over, OVER);
}

/// A timeout of nothing at all is refused, since to the system a zero means to wait for ever.
#[test]
fn a_timeout_of_zero_is_invalid() {
    let (ours, _peer) = pair();
    let zero = Some(Duration::ZERO);
    assert_eq!(ours.set_read_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(udp().set_read_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
}
