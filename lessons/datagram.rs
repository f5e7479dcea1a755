//! Waiting for datagrams: for ever as a server does, or for a bounded time as a client should.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::program::Seconds;
use crate::say;
use crate::stream::is_timeout;
use crate::terminal::complain;
use crate::text::{UTF_8, received};

/// No datagram is longer: the length field of UDP has 16 bits (RFC 768). Over IPv4 its payload ends
/// at 65,507 bytes, because the headers of IP (20) and UDP (8) count too. A buffer of this size, in
/// bytes, never cuts.
pub const LONGEST: usize = 65_535;

// ANCHOR: room
/// How many bytes a buffer needs, so that a datagram of up to `limit` bytes fits and a longer one is
/// known to be longer: one more. When that one is used, the datagram was cut. It is the only trace
/// that a cut leaves in the standard library.
///
/// Windows reports a cut as an error and does not say who sent the datagram, so there the buffer has
/// room for every datagram.
pub const fn room_for(limit: usize) -> usize {
    if cfg!(windows) { LONGEST } else { limit + 1 }
}
// ANCHOR_END: room

// ANCHOR: receive
/// Waits as long as it takes for one datagram: its length in bytes and its sender.
///
/// What the network says about datagrams that we *sent* ("nobody is bound there", Windows reports it
/// here) is not about the one we wait for, and no reason for a server to end.
///
/// # Errors
/// The socket itself cannot be read.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Err(error) if is_undelivered(&error) || error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
// ANCHOR_END: receive

// ANCHOR: receive_within
/// Waits at most `limit` for one datagram, from whoever sends it: `None` when none came. The network's
/// report that an earlier datagram could not be delivered is said on standard error: a connected
/// socket hears it, on Windows every socket.
///
/// # Errors
/// As [`receive`].
pub fn receive_within(
    socket: &UdpSocket,
    buffer: &mut [u8],
    limit: Seconds,
) -> io::Result<Option<(usize, SocketAddr)>> {
    let deadline = Instant::now() + limit.0;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        socket.set_read_timeout(Some(left))?;
        match socket.recv_from(buffer) {
            Ok(received) => return Ok(Some(received)),
            // The system's timeout may end a little early: our deadline decides.
            Err(error) if is_timeout(&error) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Said at once. The wait goes on: it is news of one datagram, and no promise that no other
            // one comes.
            Err(error) if is_undelivered(&error) => {
                let place =
                    socket.peer_addr().map_or_else(|_| String::new(), |peer| format!(" at {peer}"));
                complain(format!("nobody there{place}: {}", error.kind()));
            }
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: receive_within

// ANCHOR: send_connected
/// Sends one datagram to the peer that the socket is connected to.
///
/// When an earlier datagram found nobody bound to the peer's port, the socket hands that news out with
/// the next call, whichever it is, and that call then does nothing else: so it is made once more.
///
/// # Errors
/// The datagram cannot be sent: it is too long, or no way leads to the peer.
pub fn send_connected(socket: &UdpSocket, payload: &[u8]) -> io::Result<()> {
    let sent = match socket.send(payload) {
        Err(error) if is_undelivered(&error) => socket.send(payload),
        result => result,
    };
    sent.map(drop)
}
// ANCHOR_END: send_connected

// ANCHOR: exchange
/// Sends `request` to the peer that the socket is connected to and waits at most `limit` for one
/// datagram from it: the length in bytes of the answer in `buffer`.
///
/// An answer to an earlier request that comes when nobody waits any more is shown first and not taken
/// for the answer to this one.
///
/// # Errors
/// The request cannot be sent, or no answer came: `no answer from 127.0.0.1:7788 within 5 s`.
pub fn exchange(
    socket: &UdpSocket,
    request: &[u8],
    buffer: &mut [u8],
    limit: Seconds,
) -> Result<usize> {
    let peer = socket.peer_addr()?;
    show_late_answers(socket, buffer)?;
    let sent = send_connected(socket, request);
    sent.with_context(|| format!("cannot send {} bytes to {peer}", request.len()))?;

    match receive_within(socket, buffer, limit).context("cannot receive")? {
        Some((length, _)) => Ok(length),
        None => bail!("no answer from {peer} within {limit}"),
    }
}
// ANCHOR_END: exchange

/// Shows what waits in the socket already, 1000 datagrams at most: a peer that never stops sending
/// must not keep us here.
fn show_late_answers(socket: &UdpSocket, buffer: &mut [u8]) -> Result<()> {
    socket.set_nonblocking(true)?;
    for _ in 0..1000 {
        match socket.recv_from(buffer) {
            Ok((length, from)) => say!("(late) {}", received(from, &buffer[..length], UTF_8))?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(_) => {}
        }
    }
    socket.set_nonblocking(false)?;
    Ok(())
}

/// Whether the network reported that an earlier datagram of ours could not be delivered (ICMP,
/// destination unreachable: RFC 792): nobody is bound to the port, which Windows calls "connection
/// reset", or no way leads to the machine. The next call works as if nothing had been.
pub fn is_undelivered(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable};
    let kind = error.kind();
    matches!(kind, ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable)
}
