use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::thread;
#[cfg(target_os = "linux")]
use std::time::Instant;

use crate::{BRIEFLY, PATIENCE};

/// A loopback address for a socket of a test, which what is sent late to some other test's socket does
/// not reach: the system gives a port that is free again to the next who asks for one.
///
/// On Linux all of 127.0.0.0/8 is this machine's own, and this is one address of many; elsewhere it is
/// 127.0.0.1.
pub fn own_ip() -> Ipv4Addr {
    match cfg!(target_os = "linux") {
        true => Ipv4Addr::new(127, fastrand::u8(64..128), fastrand::u8(..), fastrand::u8(1..255)),
        false => Ipv4Addr::LOCALHOST,
    }
}

/// A datagram socket of the test's own, on the loopback and a free port.
pub fn udp() -> UdpSocket {
    udp_on(&format!("{}:0", own_ip()))
}

/// A datagram socket of the test's own on this address. A receive waits for [`PATIENCE`] at most.
pub fn udp_on(local: &str) -> UdpSocket {
    let socket = UdpSocket::bind(local).expect("a free port of the loopback can be bound");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A listener of the test's own, on 127.0.0.1 and a free port.
pub fn tcp() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port of the loopback can be bound")
}

/// A connection to a server under test. A read or a write waits for [`PATIENCE`] at most.
#[track_caller]
pub fn connect(server: SocketAddr) -> TcpStream {
    bounded(TcpStream::connect_timeout(&server, PATIENCE).expect("the server accepts"))
}

/// The connection of the next client under test. A read or a write waits for [`PATIENCE`] at most.
#[track_caller]
pub fn accept(listener: &TcpListener) -> TcpStream {
    let listener = listener.try_clone().unwrap();
    let (accepted, next) = mpsc::channel();
    thread::spawn(move || accepted.send(listener.accept()));
    bounded(next.recv_timeout(PATIENCE).expect("a client connects").expect("it can be accepted").0)
}

fn bounded(stream: TcpStream) -> TcpStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The next datagram: its payload and its sender.
#[track_caller]
pub fn datagram(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_535];
    let (length, from) = receive(socket, &mut buffer).expect("a datagram comes");
    buffer.truncate(length);
    (buffer, from)
}

/// `recv_from`, begun again as [`again`] does it.
///
/// # Errors
/// As `recv_from`, but for `Interrupted`.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    again(|| socket.recv_from(buffer))
}

/// Makes a call that waits, and begins it again when the process was stopped and goes on, or the whole
/// machine was: with a timeout set, the system does not do that by itself (signal(7)).
///
/// # Errors
/// As the call, but for `Interrupted`.
pub fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The text of the next datagram.
#[track_caller]
pub fn text(socket: &UdpSocket) -> String {
    String::from_utf8(datagram(socket).0).expect("the datagram is UTF-8")
}

/// Asserts that no datagram comes for [`BRIEFLY`].
#[track_caller]
pub fn nothing_comes(socket: &UdpSocket) {
    socket.set_read_timeout(Some(BRIEFLY)).unwrap();
    let mut buffer = [0; 65_535];
    let received = receive(socket, &mut buffer);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    match received {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
        Err(error) => panic!("nothing was to come, and the socket says {error}"),
        Ok((length, from)) => {
            panic!(
                "nothing was to come, and {from} sent {:?}",
                String::from_utf8_lossy(&buffer[..length])
            )
        }
    }
}

/// All that comes until the peer ends the stream.
#[track_caller]
pub fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the peer ends the stream");
    bytes
}

/// An address of the loopback that nobody is bound to and, on Linux, nobody else will be given;
/// elsewhere its port was free a moment ago.
pub fn nobodys_address() -> SocketAddr {
    match cfg!(target_os = "linux") {
        true => SocketAddr::new(own_ip().into(), fastrand::u16(10_000..30_000)),
        false => udp().local_addr().unwrap(),
    }
}

/// Whether the kernel lists the connection from this end to that one in state 6, TIME_WAIT (proc(5),
/// /proc/net/tcp). Each end of a connection on this machine has a line of its own.
#[cfg(target_os = "linux")]
pub fn is_in_time_wait(local: SocketAddr, remote: SocketAddr) -> bool {
    let [local, remote] = [local, remote].map(|address| {
        let SocketAddr::V4(v4) = address else { panic!("only IPv4 is listed here: {address}") };
        format!("{:08X}:{:04X}", u32::from_ne_bytes(v4.ip().octets()), v4.port())
    });
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        [fields.next(), fields.next(), fields.next()] == [Some(&*local), Some(&*remote), Some("06")]
    })
}

/// Waits until the connection from this end to that one is in TIME_WAIT.
#[cfg(target_os = "linux")]
#[track_caller]
pub fn until_in_time_wait(local: SocketAddr, remote: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while !is_in_time_wait(local, remote) {
        assert!(Instant::now() < deadline, "{local} is not in TIME_WAIT");
        thread::yield_now();
    }
}
