//! One socket for both families: what a socket on `[::]` has to do with IPv4.

use std::io::{ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Socket, Type};
use support::{connect, datagram, nothing_comes, own_ip, udp, udp_on};

use crate::datagram_from;

const EVERY_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
const EVERY_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// How an IPv4 peer looks to an IPv6 socket (RFC 4291, section 2.5.5.2).
fn mapped() -> IpAddr {
    "::ffff:127.0.0.1".parse().unwrap()
}

/// A socket on `[::]` receives over IPv4 too, unless the system's default was changed (ipv6(7),
/// IPV6_V6ONLY), and shows the sender as an IPv6 address that holds the IPv4 one.
#[test]
fn a_datagram_socket_on_the_ipv6_wildcard_sees_an_ipv4_peer_as_mapped() {
    let (ours, peer) = (udp_on("[::]:0"), support::udp_on("127.0.0.1:0"));
    let port = ours.local_addr().unwrap().port();
    peer.send_to(b"hello", (Ipv4Addr::LOCALHOST, port)).unwrap();
    let (_, from) = datagram_from(&peer, &ours);
    assert_eq!(from.ip(), mapped());
    assert_eq!(from.ip().to_canonical(), Ipv4Addr::LOCALHOST);
}

/// A listener on `[::]` accepts from IPv4 too.
#[test]
fn a_listener_on_the_ipv6_wildcard_sees_an_ipv4_peer_as_mapped() {
    let listener = TcpListener::bind((EVERY_V6, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let _client = connect((Ipv4Addr::LOCALHOST, port).into());
    let accepted = support::accept(&listener);
    assert_eq!(accepted.peer_addr().unwrap().ip(), mapped());
}

/// So `[::]` has the port of both families: 0.0.0.0 cannot have it as well.
#[test]
fn the_ipv6_wildcard_holds_the_port_of_ipv4_too() {
    let ours = UdpSocket::bind((EVERY_V6, 0)).unwrap();
    let port = ours.local_addr().unwrap().port();
    let refused = UdpSocket::bind((EVERY_V4, port)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrInUse);

    let ours = TcpListener::bind((EVERY_V6, 0)).unwrap();
    let port = ours.local_addr().unwrap().port();
    let refused = TcpListener::bind((EVERY_V4, port)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrInUse);
}

/// A socket on every address of its family alone.
fn wildcard(family: Domain, kind: Type, port: u16) -> Result<Socket> {
    let socket = Socket::new(family, kind, None)?;
    let ip = if family == Domain::IPV6 {
        socket.set_only_v6(true)?;
        EVERY_V6
    } else {
        EVERY_V4
    };
    socket.bind(&SocketAddr::from((ip, port)).into())?;
    Ok(socket)
}

/// IPV6_V6ONLY keeps to IPv6, and leaves the port of IPv4 to another socket (ipv6(7)).
#[test]
fn a_socket_for_ipv6_only_leaves_the_port_of_ipv4_free() {
    for kind in [Type::DGRAM, Type::STREAM] {
        // Some other program may have this port on IPv6 alone: then another port will do.
        let both = (0..100).find_map(|_| {
            let v4 = wildcard(Domain::IPV4, kind, 0).unwrap();
            let port = v4.local_addr().unwrap().as_socket().unwrap().port();
            Some((v4, wildcard(Domain::IPV6, kind, port).ok()?))
        });
        assert!(both.is_some(), "{kind:?}");
    }
}

/// A socket on `[::1]` is there for IPv6 alone: what it hears first is what was sent second.
#[test]
fn a_datagram_over_ipv4_does_not_reach_a_socket_on_the_ipv6_loopback() {
    let (ours, v4, v6) = (udp_on("[::1]:0"), udp(), udp_on("[::1]:0"));
    let address = ours.local_addr().unwrap();
    v4.send_to(b"over IPv4", (own_ip(), address.port())).unwrap();
    v6.send_to(b"over IPv6", address).unwrap();
    assert_eq!(datagram(&ours), (b"over IPv6".to_vec(), v6.local_addr().unwrap()));
    nothing_comes(&ours);
}

/// An IPv4 socket has no way to name an IPv6 address: error 97, EAFNOSUPPORT, for which std has no
/// public name. An IPv6 socket that is bound to an address of its own family finds no route to IPv4:
/// error 101, ENETUNREACH (ip(7), ipv6(7)).
#[test]
fn a_socket_is_refused_to_send_to_the_other_family() {
    let (v4, v6) = (udp(), udp_on("[::1]:0"));
    let refused = v4.send_to(b"hello", v6.local_addr().unwrap()).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(97));
    assert_eq!(format!("{:?}", refused.kind()), "Uncategorized");
    let refused = v6.send_to(b"hello", v4.local_addr().unwrap()).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(101));
    assert_eq!(refused.kind(), ErrorKind::NetworkUnreachable);
}

/// Bound to `[::]`, it is let through: the socket is of both families.
#[test]
fn a_datagram_socket_on_the_ipv6_wildcard_sends_over_ipv4_too() {
    let (ours, v4) = (udp_on("[::]:0"), udp());
    ours.send_to(b"hello", v4.local_addr().unwrap()).unwrap();
    let from = (Ipv4Addr::LOCALHOST, ours.local_addr().unwrap().port()).into();
    assert_eq!(datagram(&v4), (b"hello".to_vec(), from));
}
