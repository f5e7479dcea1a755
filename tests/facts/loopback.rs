//! The loopback as a network: how much one of its packets holds.

use std::fs;
use std::io::{Read, Write};

use socket2::SockRef;
use support::{accept, connect, tcp};

use crate::until;

/// The longest packet of the interface `lo`. On Ethernet it would be 1500.
#[test]
fn a_packet_of_the_loopback_has_up_to_65536_bytes() {
    assert_eq!(fs::read_to_string("/sys/class/net/lo/mtu").unwrap().trim(), "65536");
}

/// Of the 65,535 bytes that a packet of IPv4 may have (its length field has 16 bits), 20 are IP's
/// header, 20 are TCP's, and 12 its timestamps, where they are on: 65,483 bytes of payload (tcp(7),
/// TCP_MAXSEG). Linux also keeps to half of the largest window that the peer has offered, and in the
/// handshake no window can be more than 65,535: a young connection has about half of it.
#[test]
fn a_segment_over_the_loopback_holds_65483_bytes_once_the_window_allows_it() {
    let timestamps = fs::read_to_string("/proc/sys/net/ipv4/tcp_timestamps").unwrap();
    let most = if timestamps.trim() == "0" { 65_495 } else { 65_483 };

    let listener = tcp();
    // So that the window is more than twice as large, whatever the system's default.
    SockRef::from(&listener).set_recv_buffer_size(212_992).unwrap();
    let mut ours = connect(listener.local_addr().unwrap());
    let mut peer = accept(&listener);
    let segment = |ours: &_| SockRef::from(ours).tcp_mss().unwrap();
    let young = segment(&ours);
    assert!(young < most, "{young}");
    let mut piece = [7; 1000];
    until("the window is large", || {
        ours.write_all(&piece).unwrap();
        peer.read_exact(&mut piece).unwrap();
        (segment(&ours) == most).then_some(())
    });
}
