//! One datagram for those who asked: a multicast group on the loopback.
//!
//! The group's address is none of the loopback's own, so the program that sends to it runs in a
//! network namespace that has the loopback and nothing else.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use socket2::SockRef;
use support::{Terminal, udp_on};

use crate::program::{is_played, program};
use support::udp;

/// In the range that every site may use as it likes: 239.0.0.0/8, "administratively scoped" (RFC
/// 2365).
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

/// Joining on 127.0.0.1, and sending by way of 127.0.0.1, is all that a group needs on one machine
/// (ip(7), IP_ADD_MEMBERSHIP and IP_MULTICAST_IF).
#[test]
fn a_group_joined_on_the_loopback_hears_what_is_sent_by_the_own_ip() {
    if !namespaces_can_be_had() {
        eprintln!("not shown: this system lets us make no network namespace");
        return;
    }
    let member = program("multicast::the_member_of_a_group");
    let mut terminal = Terminal::start(in_a_namespace(&member));
    terminal.expect("the group hears: hello, all");
    terminal.ends_with(0);
}

#[test]
#[ignore = "a program that a test starts in a namespace of its own"]
fn the_member_of_a_group() {
    if !is_played() {
        return;
    }
    let member = udp_on("0.0.0.0:0");
    member.join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST).unwrap();
    let port = member.local_addr().unwrap().port();

    let sender = udp();
    SockRef::from(&sender).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    sender.send_to(b"hello, all", (GROUP, port)).unwrap();
    println!("the group hears: {}", support::text(&member));
}

/// The same command, in a network namespace of its own where the loopback is up (unshare(1)).
fn in_a_namespace(command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["-rn", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""]);
    unshare.arg(command.get_program()).args(command.get_args());
    unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare
}

fn namespaces_can_be_had() -> bool {
    let mut nothing = in_a_namespace(&Command::new("true"));
    nothing.stdin(Stdio::null()).stderr(Stdio::null());
    nothing.status().is_ok_and(|status| status.success())
}
