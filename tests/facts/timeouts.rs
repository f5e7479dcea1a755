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

#[cfg(target_os = "linux")]
mod stopped {
    use std::io::{Write, stderr, stdin};
    use std::time::Instant;

    use support::{PATIENCE, Terminal};

    use super::*;
    use crate::program::{is_played, program};

    /// Waits for a datagram that never comes, and says how that ended.
    #[test]
    #[ignore = "a program that other tests start"]
    fn a_program_that_waits_with_a_timeout() {
        if !is_played() {
            return;
        }
        let socket = udp();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = writeln!(stderr(), "waiting");
        let _ = writeln!(stderr(), "ended: {:?}", socket.recv(&mut [0]).unwrap_err().kind());
        // Until it is killed: nobody is to stop a program that has ended.
        let _ = stdin().read_line(&mut String::new());
    }

    /// Ctrl-Z and `fg` end a wait that has a timeout, though no signal is handled; without a timeout
    /// the system would begin it again by itself (signal(7), "Interruption of system calls").
    #[test]
    fn a_wait_with_a_timeout_that_is_stopped_and_goes_on_is_interrupted() {
        let mut waiting =
            Terminal::start(program("timeouts::stopped::a_program_that_waits_with_a_timeout"));
        waiting.expect_error("waiting\n");
        // Again, where it was stopped before its wait began.
        let deadline = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&waiting.errors()).contains("ended") {
            assert!(Instant::now() < deadline, "the wait is never interrupted");
            waiting.stop_and_go_on();
        }
        waiting.expect_error("ended: Interrupted\n");
    }
}
