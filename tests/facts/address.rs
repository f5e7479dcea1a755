//! What a socket is bound to: an address and a port of one protocol, and from where its answers come.

use std::net::TcpListener;

use support::{accept, connect, datagram, udp};

/// UDP and TCP count their ports each for itself: the same address and number is two, one of each
/// (RFC 768 and RFC 9293 have a field for ports of their own).
#[test]
fn udp_and_tcp_have_the_same_address_and_port_at_once() {
    // Some other program may listen on this port of every address: then another port will do.
    let both = (0..100).find_map(|_| {
        let datagrams = udp();
        let listener = TcpListener::bind(datagrams.local_addr().unwrap()).ok()?;
        Some((datagrams, listener))
    });
    let (datagrams, listener) = both.expect("a port of UDP is free in TCP too");
    let address = datagrams.local_addr().unwrap();
    assert_eq!(listener.local_addr().unwrap(), address);

    let peer = udp();
    peer.send_to(b"a datagram", address).unwrap();
    let stream = connect(address);
    assert_eq!(datagram(&datagrams), (b"a datagram".to_vec(), peer.local_addr().unwrap()));
    assert_eq!(accept(&listener).peer_addr().unwrap(), stream.local_addr().unwrap());
}

#[cfg(target_os = "linux")]
mod wildcard {
    use std::io::ErrorKind;
    use std::net::{Ipv4Addr, UdpSocket};

    use support::{nothing_comes, own_ip, udp_on};

    use super::*;
    use crate::datagram_from;

    const EVERY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

    /// A port on every address and the same port on one of them: whoever came first has it, with
    /// UDP (ip(7), EADDRINUSE).
    #[test]
    fn the_wildcard_and_one_address_cannot_have_the_same_port() {
        for (first, second) in [(EVERY, own_ip()), (own_ip(), EVERY)] {
            let live = UdpSocket::bind((first, 0)).unwrap();
            let port = live.local_addr().unwrap().port();
            let refused = UdpSocket::bind((second, port)).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AddrInUse, "{first}, then {second}");
        }
    }

    /// Two listeners neither, though std sets SO_REUSEADDR on both (socket(7)).
    #[test]
    fn a_listener_on_the_wildcard_and_one_on_one_address_cannot_have_the_same_port() {
        for (first, second) in [(EVERY, own_ip()), (own_ip(), EVERY)] {
            let live = TcpListener::bind((first, 0)).unwrap();
            let port = live.local_addr().unwrap().port();
            let refused = TcpListener::bind((second, port)).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::AddrInUse, "{first}, then {second}");
        }
    }

    /// Two addresses of one machine do not meet: each has all the ports for itself.
    #[test]
    fn two_addresses_of_one_machine_have_the_same_port_at_once() {
        let datagrams = UdpSocket::bind((own_ip(), 0)).unwrap();
        UdpSocket::bind((own_ip(), datagrams.local_addr().unwrap().port())).unwrap();
        let listener = TcpListener::bind((own_ip(), 0)).unwrap();
        TcpListener::bind((own_ip(), listener.local_addr().unwrap().port())).unwrap();
    }

    /// Lets a server on every address hear this client's question and answer it.
    fn answer(server: &UdpSocket, client: &UdpSocket) {
        let (_, from) = datagram_from(client, server);
        server.send_to(b"answer", from).unwrap();
    }

    /// A socket on every address does not remember at which of them it was asked: the route to the
    /// client chooses the source of the answer, here 127.0.0.1 (ip(7); RFC 1122, section 4.1.3.5,
    /// wants it otherwise).
    #[test]
    fn a_server_on_the_wildcard_answers_from_the_address_that_the_route_chooses() {
        let (server, client) = (udp_on("0.0.0.0:0"), udp());
        let port = server.local_addr().unwrap().port();
        client.send_to(b"question", (own_ip(), port)).unwrap();
        answer(&server, &client);
        let from = (Ipv4Addr::LOCALHOST, port).into();
        assert_eq!(datagram(&client), (b"answer".to_vec(), from));
    }

    /// To a client that is connected to the address it asked, such an answer is a stranger's.
    #[test]
    fn a_client_connected_to_the_asked_address_does_not_hear_an_answer_from_another() {
        for (asked, is_heard) in [(own_ip(), false), (Ipv4Addr::LOCALHOST, true)] {
            let (server, client) = (udp_on("0.0.0.0:0"), udp());
            client.connect((asked, server.local_addr().unwrap().port())).unwrap();
            client.send(b"question").unwrap();
            answer(&server, &client);
            match is_heard {
                true => assert_eq!(datagram(&client).0, b"answer"),
                false => nothing_comes(&client),
            }
        }
    }

    /// A server that is bound to the address it is asked at answers from there.
    #[test]
    fn a_server_on_one_address_answers_from_it() {
        let (server, client) = (udp(), udp());
        client.connect(server.local_addr().unwrap()).unwrap();
        client.send(b"question").unwrap();
        let (_, from) = datagram(&server);
        server.send_to(b"answer", from).unwrap();
        assert_eq!(datagram(&client), (b"answer".to_vec(), server.local_addr().unwrap()));
    }
}
