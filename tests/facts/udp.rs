//! The datagram: each on its own, whole or not at all, from anybody.

#[cfg(target_os = "linux")]
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::net::UdpSocket;
use std::sync::mpsc;
use std::thread;

use socket2::{MaybeUninitSlice, SockRef};
use support::{PATIENCE, again, udp};

use crate::until;

/// A receive that gives no bytes is an empty datagram and no end: UDP has none (RFC 768: a length
/// of 8, the header alone).
#[test]
fn an_empty_datagram_is_received_and_ends_nothing() {
    let (ours, peer) = (udp(), udp());
    let to = ours.local_addr().unwrap();
    peer.send_to(b"", to).unwrap();
    peer.send_to(b"more", to).unwrap();
    let mut buffer = [0; 64];
    assert_eq!(again(|| ours.recv(&mut buffer)).unwrap(), 0);
    assert_eq!(again(|| ours.recv(&mut buffer)).unwrap(), 4);
}

/// A datagram keeps its bounds: two that wait at once still need two receives, however large the
/// buffer (recv(2): one message a call).
#[test]
fn two_sends_come_out_of_two_receives() {
    let (ours, peer) = (udp(), udp());
    let to = ours.local_addr().unwrap();
    peer.send_to(b"ab", to).unwrap();
    peer.send_to(b"cde", to).unwrap();
    let mut buffer = [0; 64];
    assert_eq!(again(|| ours.recv(&mut buffer)).unwrap(), 2);
    assert_eq!(&buffer[..2], b"ab");
    assert_eq!(again(|| ours.recv(&mut buffer)).unwrap(), 3);
    assert_eq!(&buffer[..3], b"cde");
}

/// What was received by nobody goes with the socket: the next one on the same address begins empty.
#[test]
fn closing_a_socket_loses_what_waits_in_it() {
    let (ours, peer) = (udp(), udp());
    let address = ours.local_addr().unwrap();
    peer.send_to(b"waiting", address).unwrap();
    assert_eq!(again(|| ours.peek(&mut [0; 64])).unwrap(), 7);
    drop(ours);

    let next = until("the address is free again", || UdpSocket::bind(address).ok());
    next.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.send_to(b"new", address).unwrap();
    assert_eq!(support::datagram(&next).0, b"new");
    support::nothing_comes(&next);
}

/// The system locks for itself: while one thread waits in a receive, another sends through the same
/// socket. A lock of ours around it would stop both, here at the first question.
#[test]
fn two_threads_send_and_receive_on_one_socket_without_a_lock() {
    const ROUNDS: u32 = 1000;
    let (ours, peer) = (udp(), udp());
    let to = peer.local_addr().unwrap();
    let (heard, answers) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                let (question, from) = support::datagram(&peer);
                peer.send_to(&question, from).unwrap();
            }
        });
        let ours = &ours;
        scope.spawn(move || {
            for _ in 0..ROUNDS {
                heard.send(support::datagram(ours).0).unwrap();
            }
        });
        for number in 0..ROUNDS {
            ours.send_to(&number.to_be_bytes(), to).unwrap();
            assert_eq!(answers.recv_timeout(PATIENCE).unwrap(), number.to_be_bytes());
        }
    });
}

/// Port 0 is nobody's: to `bind` it means any free one, and to `send_to` it is invalid.
#[test]
#[cfg(target_os = "linux")]
fn a_datagram_to_port_0_is_invalid_input() {
    let refused = udp().send_to(b"hello", (support::own_ip(), 0)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert_eq!(refused.raw_os_error(), Some(22), "EINVAL");
}

/// What does not fit into the buffer is thrown away, and nothing says so: the next receive gives
/// the next datagram (udp(7)).
#[test]
#[cfg(unix)]
fn a_datagram_longer_than_the_buffer_is_cut_without_an_error() {
    let (ours, peer) = (udp(), udp());
    let to = ours.local_addr().unwrap();
    peer.send_to(b"0123456789", to).unwrap();
    peer.send_to(b"next", to).unwrap();
    let mut buffer = [0; 4];
    assert_eq!(again(|| ours.recv(&mut buffer)).unwrap(), 4);
    assert_eq!(&buffer, b"0123");
    assert_eq!(again(|| ours.recv(&mut buffer)).unwrap(), 4);
    assert_eq!(&buffer, b"next");
}

/// Windows throws the rest away as well, and makes an error of it: 10040, WSAEMSGSIZE.
#[test]
#[cfg(windows)]
fn a_datagram_longer_than_the_buffer_is_cut_with_an_error() {
    let (ours, peer) = (udp(), udp());
    peer.send_to(b"0123456789", ours.local_addr().unwrap()).unwrap();
    let mut buffer = [0; 4];
    assert_eq!(ours.recv(&mut buffer).unwrap_err().raw_os_error(), Some(10_040));
    assert_eq!(&buffer, b"0123");
}

/// The system knows that it cut a datagram, and tells whoever asks with flags: MSG_TRUNC of
/// recvmsg(2).
#[test]
fn the_flags_of_a_receive_tell_a_cut_datagram_from_a_whole_one() {
    let (ours, peer) = (udp(), udp());
    let to = ours.local_addr().unwrap();
    let mut buffer = [MaybeUninit::uninit(); 4];
    for (sent, is_cut) in [("0123456789", true), ("0123", false)] {
        peer.send_to(sent.as_bytes(), to).unwrap();
        let mut buffers = [MaybeUninitSlice::new(&mut buffer)];
        let (length, flags) = SockRef::from(&ours).recv_vectored(&mut buffers).unwrap();
        assert_eq!((length, flags.is_truncated()), (4, is_cut), "{sent}");
    }
}

/// The longest payload over IPv4: 65,535 bytes of a packet, less 20 of the IPv4 header and 8 of the
/// UDP header. It arrives whole.
#[test]
#[cfg(target_os = "linux")]
fn a_datagram_of_65507_bytes_goes_over_ipv4() {
    let (ours, peer) = (udp(), udp());
    let sent = vec![7; 65_507];
    assert_eq!(peer.send_to(&sent, ours.local_addr().unwrap()).unwrap(), 65_507);
    assert!(support::datagram(&ours).0 == sent);
}

/// One byte more is error 90, EMSGSIZE (send(2)). std has no public name for it, so match the
/// number: the kind prints as `Uncategorized`, which no program can name.
#[test]
#[cfg(target_os = "linux")]
fn a_longer_datagram_over_ipv4_is_error_90_without_a_kind() {
    let (ours, peer) = (udp(), udp());
    for length in [65_508, 65_536] {
        let refused = peer.send_to(&vec![7; length], ours.local_addr().unwrap()).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(90), "{length}");
        assert_eq!(format!("{:?}", refused.kind()), "Uncategorized", "{length}");
    }
}

/// Over IPv6 the longest payload is 65,527 bytes: the length field does not count the IPv6 header,
/// so that only the 8 bytes of UDP come off (RFC 8200, section 3).
#[test]
#[cfg(target_os = "linux")]
fn a_datagram_of_65527_bytes_goes_over_ipv6() {
    let (ours, peer) = (support::udp_on("[::1]:0"), support::udp_on("[::1]:0"));
    let to = ours.local_addr().unwrap();
    assert_eq!(peer.send_to(&vec![7; 65_528], to).unwrap_err().raw_os_error(), Some(90));
    assert_eq!(peer.send_to(&vec![7; 65_527], to).unwrap(), 65_527);
    assert_eq!(support::datagram(&ours).0.len(), 65_527);
}

/// A socket that is not connected takes a datagram from anyone; `connect` makes the kernel drop
/// what strangers send (connect(2); `UdpSocket::connect`).
#[test]
fn a_connected_socket_does_not_hear_strangers() {
    let (ours, peer, stranger) = (udp(), udp(), udp());
    let to = ours.local_addr().unwrap();
    stranger.send_to(b"before", to).unwrap();
    assert_eq!(support::datagram(&ours).1, stranger.local_addr().unwrap());

    ours.connect(peer.local_addr().unwrap()).unwrap();
    stranger.send_to(b"after", to).unwrap();
    peer.send_to(b"from the peer", to).unwrap();
    assert_eq!(support::datagram(&ours), (b"from the peer".to_vec(), peer.local_addr().unwrap()));
    support::nothing_comes(&ours);
}

/// Windows tells a socket of a closed port even if it is not connected: the receive after the send
/// is error 10054, WSAECONNRESET.
#[test]
#[cfg(windows)]
fn a_closed_port_makes_the_next_receive_error_10054() {
    let ours = udp();
    let closed = udp().local_addr().unwrap();
    ours.send_to(b"first", closed).unwrap();
    assert_eq!(ours.recv(&mut [0]).unwrap_err().raw_os_error(), Some(10_054));
}

#[cfg(target_os = "linux")]
mod closed_port {
    use std::io::ErrorKind;
    use std::net::{SocketAddr, UdpSocket};

    use support::nothing_comes;

    use support::udp;

    /// An address at which nobody receives. The kernel answers what is sent there with "port
    /// unreachable", as for any closed port: the socket is connected to itself and hears nobody
    /// else. It only keeps the port, so that no other program is given it meanwhile.
    struct Nobody(UdpSocket);

    impl Nobody {
        fn new() -> Self {
            let socket = udp();
            socket.connect(socket.local_addr().unwrap()).unwrap();
            Self(socket)
        }

        fn address(&self) -> SocketAddr {
            self.0.local_addr().unwrap()
        }
    }

    /// A socket that is not connected never learns that nobody was there: it may have sent to many,
    /// and an error could not say to whom. (udp(7) promises the error all the same; Linux keeps it
    /// back unless IP_RECVERR asks for it.)
    #[test]
    fn a_datagram_to_a_closed_port_is_met_with_silence() {
        let (ours, nobody) = (udp(), Nobody::new());
        assert_eq!(ours.send_to(b"first", nobody.address()).unwrap(), 5);
        nothing_comes(&ours);
        assert_eq!(ours.send_to(b"second", nobody.address()).unwrap(), 6);
        nothing_comes(&ours);
    }

    /// A connected socket is told, and later than one may think: the send itself succeeds, the next
    /// call reports the error of the one before, and with that it is used up (RFC 1122, section
    /// 4.1.3.3).
    #[test]
    fn a_connected_socket_hears_of_a_closed_port_with_its_next_receive() {
        let (ours, nobody) = (udp(), Nobody::new());
        ours.connect(nobody.address()).unwrap();
        assert_eq!(ours.send(b"first").unwrap(), 5);
        assert_eq!(
            support::again(|| ours.recv(&mut [0])).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        nothing_comes(&ours);
        assert_eq!(ours.send(b"second").unwrap(), 6);
    }

    /// Where the next call is a send, it is this second send that fails, with nothing sent, and the
    /// third succeeds.
    #[test]
    fn a_connected_socket_hears_of_a_closed_port_with_its_second_send() {
        let nobody = Nobody::new();
        // On a busy machine the answer may come after the second send: another socket tries again.
        let third = (0..1000).find_map(|_| {
            let ours = udp();
            ours.connect(nobody.address()).unwrap();
            assert_eq!(ours.send(b"first").unwrap(), 5);
            let second = ours.send(b"second").err()?;
            assert_eq!(second.kind(), ErrorKind::ConnectionRefused);
            Some(ours.send(b"third"))
        });
        assert_eq!(third.expect("a second send is refused").unwrap(), 5);
    }
}
