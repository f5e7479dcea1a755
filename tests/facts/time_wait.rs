//! Binding a port again: the wait after a close, and SO_REUSEADDR, which std sets for a listener.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

use crate::until;
use support::own_ip;

/// A socket bound to the address, with no option set.
fn bare(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Serves one client, closes the connection first, ends, and leaves the address in TIME_WAIT.
fn serve_and_end(listener: TcpListener) -> SocketAddr {
    let server = listener.local_addr().unwrap();
    let mut client = support::connect(server);
    drop(support::accept(&listener));
    drop(listener);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    drop(client);
    until("the connection waits", || is_in_time_wait(server).then_some(()));
    server
}

/// Whether the kernel lists a connection of this address in state 6, TIME_WAIT (proc(5),
/// /proc/net/tcp).
fn is_in_time_wait(server: SocketAddr) -> bool {
    let SocketAddr::V4(server) = server else { panic!("only IPv4 is listed here: {server}") };
    let address = u32::from_ne_bytes(server.ip().octets());
    let local = format!("{address:08X}:{:04X}", server.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next() == Some(&local) && fields.nth(1) == Some("06")
    })
}

/// The side that closes first keeps the pair of addresses for a while, so that late segments meet
/// nobody new (RFC 9293, section 3.6.1). A plain bind respects that.
#[test]
fn after_a_close_a_plain_bind_finds_the_address_in_use() {
    let address = serve_and_end(TcpListener::bind((own_ip(), 0)).unwrap());
    assert_eq!(bare(address).unwrap_err().kind(), ErrorKind::AddrInUse);
}

/// `TcpListener::bind` sets SO_REUSEADDR on Unix, and with it the address can be had while the old
/// connection still waits (socket(7)).
#[test]
fn after_a_close_the_listener_of_std_binds_again() {
    let address = serve_and_end(TcpListener::bind((own_ip(), 0)).unwrap());
    let _again = until("the old listener is gone", || TcpListener::bind(address).ok());
    assert!(is_in_time_wait(address));
}

/// On Linux the option must have been set before, too, by whoever left the address waiting
/// (socket(7), "Notes").
#[test]
fn after_a_server_without_the_option_even_std_finds_the_address_in_use() {
    let listener = bare((own_ip(), 0).into()).unwrap();
    listener.listen(1).unwrap();
    let address = serve_and_end(listener.into());
    assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
}
