//! What the library promises the lessons, and what no program can be made to show on every machine.

use std::net::SocketAddr;

use sockets_by_example::address::preferred;

#[test]
fn of_the_addresses_of_a_name_the_first_ipv4_one_is_taken_else_the_first_ipv6_one() {
    let addresses = ["[::1]:1", "[::2]:1", "127.0.0.1:1", "127.0.0.2:1"];
    let known: Vec<SocketAddr> = addresses.map(|address| address.parse().unwrap()).into();
    assert_eq!(preferred(&known), Some(known[2]));
    assert_eq!(preferred(&known[..2]), Some(known[0]));
    assert_eq!(preferred(&[]), None);
}

#[test]
#[cfg(target_os = "linux")] // other systems may report the closed port later, or not at all
fn news_of_an_earlier_datagram_does_not_keep_the_next_one_from_going_out() {
    let address = support::nobodys_address();
    let socket = support::udp();
    socket.connect(address).unwrap();
    socket.send(b"into the void").unwrap();
    let peer = support::udp_on(&address.to_string());
    sockets_by_example::datagram::send_connected(&socket, b"to the peer").unwrap();
    assert_eq!(support::text(&peer), "to the peer");
}
