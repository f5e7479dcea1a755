//! Binding a port again: the wait after a close, and SO_REUSEADDR, which std sets for a listener.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};
use support::{again, is_in_time_wait, own_ip, until_in_time_wait};

use crate::until;

/// A socket bound to the address, with no option set.
fn bare(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Closes first this end of a connection and then the other one: the addresses of the two.
fn close_in_turn(first: TcpStream, mut second: TcpStream) -> (SocketAddr, SocketAddr) {
    let ends = (first.local_addr().unwrap(), second.local_addr().unwrap());
    drop(first);
    assert_eq!(again(|| second.read(&mut [0])).unwrap(), 0);
    drop(second);
    ends
}

/// Serves one client, closes the connection first, ends, and leaves the address in TIME_WAIT: it, and
/// the client's.
fn serve_and_end(listener: TcpListener) -> (SocketAddr, SocketAddr) {
    let client = support::connect(listener.local_addr().unwrap());
    let server = support::accept(&listener);
    drop(listener);
    let ends = close_in_turn(server, client);
    until_in_time_wait(ends.0, ends.1);
    ends
}

/// Whoever closes first waits, client or server, and the other side is done at once (RFC 9293,
/// section 3.6).
#[test]
fn the_side_that_closes_first_has_its_port_in_time_wait() {
    for the_client_is_first in [true, false] {
        let listener = TcpListener::bind((own_ip(), 0)).unwrap();
        let client = support::connect(listener.local_addr().unwrap());
        let server = support::accept(&listener);
        drop(listener);
        let (first, second) = match the_client_is_first {
            true => close_in_turn(client, server),
            false => close_in_turn(server, client),
        };
        until_in_time_wait(first, second);
        assert!(!is_in_time_wait(second, first), "the client first: {the_client_is_first}");
    }
}

/// The side that closes first keeps the pair of addresses for a while, so that late segments meet
/// nobody new (RFC 9293, section 3.6.1). A plain bind respects that.
#[test]
fn after_a_close_a_plain_bind_finds_the_address_in_use() {
    let (address, _) = serve_and_end(TcpListener::bind((own_ip(), 0)).unwrap());
    assert_eq!(bare(address).unwrap_err().kind(), ErrorKind::AddrInUse);
}

/// `TcpListener::bind` sets SO_REUSEADDR on Unix, and with it the address can be had while the old
/// connection still waits (socket(7)).
#[test]
fn after_a_close_the_listener_of_std_binds_again() {
    let (address, client) = serve_and_end(TcpListener::bind((own_ip(), 0)).unwrap());
    let _again = until("the old listener is gone", || TcpListener::bind(address).ok());
    assert!(is_in_time_wait(address, client));
}

/// On Linux the option must have been set before, too, by whoever left the address waiting
/// (socket(7), "Notes").
#[test]
fn after_a_server_without_the_option_even_std_finds_the_address_in_use() {
    let listener = bare((own_ip(), 0).into()).unwrap();
    listener.listen(1).unwrap();
    let (address, _) = serve_and_end(listener.into());
    assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
}
