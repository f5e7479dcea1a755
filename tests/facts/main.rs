//! What the book states about sockets, text and terminals: each rule as the smallest program that
//! shows it, named with the rule. A rule that holds on one system alone stands under its `cfg`.
//!
//! Nothing leaves the machine: every send goes to 127.0.0.0/8 or to `[::1]`, and the one program
//! that sends to a group runs where there is no other interface.

mod address;
mod program;
mod tcp;
mod terminal;
mod text;
mod timeouts;
mod udp;

#[cfg(target_os = "linux")]
mod broadcast;
#[cfg(target_os = "linux")]
mod dual_stack;
#[cfg(unix)]
mod local;
#[cfg(target_os = "linux")]
mod loopback;
#[cfg(target_os = "linux")]
mod loss;
#[cfg(target_os = "linux")]
mod multicast;
#[cfg(target_os = "linux")]
mod nagle;
#[cfg(target_os = "linux")]
mod time_wait;

use std::thread;
use std::time::Instant;

use support::PATIENCE;

/// The next datagram that comes from this sender, and where from. For a socket on every address:
/// that one may also hear what was meant for somebody else.
#[cfg(target_os = "linux")]
#[track_caller]
fn datagram_from(
    sender: &std::net::UdpSocket,
    receiver: &std::net::UdpSocket,
) -> (Vec<u8>, std::net::SocketAddr) {
    let sender = sender.local_addr().unwrap();
    until("the sender is heard", || {
        let (payload, from) = support::datagram(receiver);
        let is_heard = (from.ip().to_canonical(), from.port()) == (sender.ip(), sender.port());
        is_heard.then_some((payload, from))
    })
}

/// Asks again and again until there is an answer, and lets the other threads run in between: for
/// what the kernel does in its own time and reports to nobody. A socket that was closed may be such
/// a thing: a program that another test is starting holds a copy of it until the program runs.
#[track_caller]
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::yield_now();
    }
}
