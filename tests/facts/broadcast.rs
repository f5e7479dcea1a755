//! One datagram for everybody: the broadcast address of the loopback, 127.255.255.255.

use std::io::{ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, SockRef, Socket, Type};
use support::{PATIENCE, own_ip, udp, udp_on};

use crate::{datagram_from, until};

const EVERYBODY: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 255);

/// A socket on a port that others have too: each of them must allow it, with SO_REUSEADDR.
fn sharing(address: SocketAddr) -> Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// A socket on every address and a free port, which it then shares. The option is set after the
/// port was chosen: before, the system may choose one that others share already.
fn first_to_share() -> (UdpSocket, u16) {
    let socket = udp_on("0.0.0.0:0");
    SockRef::from(&socket).set_reuse_address(true).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn broadcaster() -> UdpSocket {
    let socket = udp();
    socket.set_broadcast(true).unwrap();
    socket
}

/// Sending to everybody must be asked for with SO_BROADCAST (ip(7), EACCES).
#[test]
fn a_broadcast_without_the_option_is_not_permitted() {
    let refused = udp().send_to(b"to all", (EVERYBODY, 9)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
}

/// A broadcast is copied for every socket on its port that is bound to every address.
#[test]
fn a_broadcast_reaches_every_socket_on_the_wildcard_address() {
    let (first, port) = first_to_share();
    let second = sharing((Ipv4Addr::UNSPECIFIED, port).into()).unwrap();
    let sender = broadcaster();
    sender.send_to(b"to all", (EVERYBODY, port)).unwrap();
    assert_eq!(datagram_from(&sender, &first).0, b"to all");
    assert_eq!(datagram_from(&sender, &second).0, b"to all");
}

/// A socket bound to 127.0.0.1 is there for that address alone, and 127.255.255.255 is another:
/// what it hears first is what was sent second.
#[test]
fn a_broadcast_does_not_reach_a_socket_on_one_address() {
    let (on_all, port) = first_to_share();
    let on_one = sharing((Ipv4Addr::LOCALHOST, port).into()).unwrap();
    let sender = broadcaster();
    sender.send_to(b"to all", (EVERYBODY, port)).unwrap();
    assert_eq!(datagram_from(&sender, &on_all).0, b"to all");
    sender.send_to(b"to one", (Ipv4Addr::LOCALHOST, port)).unwrap();
    assert_eq!(datagram_from(&sender, &on_one).0, b"to one");
}

/// A port has one owner, as with TCP, unless the first socket and the second one both allow it.
#[test]
fn a_port_is_shared_only_if_both_sockets_allow_it() {
    let first = udp_on("0.0.0.0:0");
    let address = first.local_addr().unwrap();
    let in_use = |second: Result<UdpSocket>| second.unwrap_err().kind() == ErrorKind::AddrInUse;
    assert!(in_use(UdpSocket::bind(address)));
    assert!(in_use(sharing(address)));
    SockRef::from(&first).set_reuse_address(true).unwrap();
    assert!(in_use(UdpSocket::bind(address)));
    sharing(address).unwrap();
}

/// How many datagrams are sent to one address.
const SENT: usize = 20;

/// How many of them each of three sockets hears that share the port and are bound to this address, in
/// the order in which they were bound.
fn shares_of_three(bound_to: Ipv4Addr) -> [usize; 3] {
    let sent_to = if bound_to.is_unspecified() { own_ip() } else { bound_to };
    let first = udp_on(&format!("{bound_to}:0"));
    SockRef::from(&first).set_reuse_address(true).unwrap();
    let address = first.local_addr().unwrap();
    let sockets = [first, sharing(address).unwrap(), sharing(address).unwrap()];
    let sender = udp();
    for _ in 0..SENT {
        sender.send_to(b"to one", (sent_to, address.port())).unwrap();
    }

    let mut heard = [0; 3];
    for socket in &sockets {
        socket.set_nonblocking(true).unwrap();
    }
    until("every datagram is heard", || {
        for (socket, heard) in sockets.iter().zip(&mut heard) {
            while let Ok((_, from)) = socket.recv_from(&mut [0; 64]) {
                *heard += usize::from(from == sender.local_addr().unwrap());
            }
        }
        (heard.iter().sum::<usize>() >= SENT).then_some(heard)
    })
}

/// Of what is sent to one address no copies are made: one of those who share the port has it all.
#[test]
fn what_is_sent_to_one_address_reaches_only_one_of_the_sockets_that_share_its_port() {
    for bound_to in [Ipv4Addr::UNSPECIFIED, own_ip()] {
        let mut heard = shares_of_three(bound_to);
        heard.sort();
        assert_eq!(heard, [0, 0, SENT], "bound to {bound_to}");
    }
}

/// Which one is said nowhere. On Linux it is the one that was bound last.
#[test]
fn of_the_sockets_that_share_a_port_the_last_bound_hears_what_is_sent_to_one_address() {
    for bound_to in [Ipv4Addr::UNSPECIFIED, own_ip()] {
        assert_eq!(shares_of_three(bound_to), [0, 0, SENT], "bound to {bound_to}");
    }
}

/// The broadcast address itself can be bound, and then broadcasts are all that comes: what is heard
/// first is what was sent last.
#[test]
fn a_socket_on_the_broadcast_address_hears_broadcasts_and_nothing_else() {
    let ours = udp_on(&format!("{EVERYBODY}:0"));
    let port = ours.local_addr().unwrap().port();
    let sender = broadcaster();
    sender.send_to(b"to one", (Ipv4Addr::LOCALHOST, port)).unwrap();
    sender.send_to(b"to another", (own_ip(), port)).unwrap();
    sender.send_to(b"to all", (EVERYBODY, port)).unwrap();
    assert_eq!(datagram_from(&sender, &ours).0, b"to all");
}
