//! Sockets in the file system (AF_UNIX): the address is a path.

use std::io::ErrorKind;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;

use support::{PATIENCE, again};
use tempfile::{TempDir, tempdir};

use crate::until;

/// A datagram socket at this path. A receive waits for [`PATIENCE`] at most.
fn datagram_at(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// A folder with the path of a listener that is gone.
fn folder_with_a_stale_path() -> TempDir {
    let folder = tempdir().unwrap();
    drop(UnixListener::bind(folder.path().join("stale")).unwrap());
    folder
}

/// Closing a socket leaves its path behind, and nobody can bind it until it is removed (unix(7),
/// "Pathname sockets").
#[test]
fn a_stale_path_is_in_use_until_it_is_removed() {
    let folder = folder_with_a_stale_path();
    let path = folder.path().join("stale");
    assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
    std::fs::remove_file(&path).unwrap();
    UnixListener::bind(&path).unwrap();
}

/// Connecting tells a stale path from one that somebody serves (unix(7), ECONNREFUSED).
#[test]
fn a_stale_path_refuses_a_connection() {
    let folder = folder_with_a_stale_path();
    let path = folder.path().join("stale");
    let refused = until("the listener is gone", || UnixStream::connect(&path).err());
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// The address has room for 108 bytes (unix(7), `sun_path`), and std wants a zero behind the path.
#[test]
#[cfg(target_os = "linux")]
fn a_path_of_108_bytes_is_too_long() {
    let folder = tempdir().unwrap();
    let path_of = |bytes| {
        let name = bytes - folder.path().as_os_str().len() - "/".len();
        folder.path().join("s".repeat(name))
    };
    UnixListener::bind(path_of(107)).unwrap();
    assert_eq!(UnixListener::bind(path_of(108)).unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// A datagram client has no address unless it binds a path of its own: UDP would have given it a
/// port.
#[test]
fn a_datagram_client_that_is_not_bound_cannot_be_answered() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("server");
    let server = datagram_at(&path);
    UnixDatagram::unbound().unwrap().send_to(b"question", &path).unwrap();
    let (_, from) = again(|| server.recv_from(&mut [0; 64])).unwrap();
    assert!(from.is_unnamed());
    let refused = server.send_to_addr(b"answer", &from).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}

/// Bound to a path, it can.
#[test]
fn a_datagram_client_with_a_path_of_its_own_is_answered() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("server");
    let (server, client) = (datagram_at(&path), datagram_at(&folder.path().join("client")));
    client.send_to(b"question", &path).unwrap();
    let (_, from) = again(|| server.recv_from(&mut [0; 64])).unwrap();
    server.send_to_addr(b"answer", &from).unwrap();
    assert_eq!(again(|| client.recv(&mut [0; 64])).unwrap(), 6);
}

#[cfg(target_os = "linux")]
mod queue {
    use std::iter;

    use socket2::SockRef;
    use support::BRIEFLY;

    use super::*;

    /// How many datagrams may wait at one socket. The kernel starts with 10; systemd raises it to
    /// 512.
    fn limit() -> usize {
        let limit = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").unwrap();
        limit.trim().parse().unwrap()
    }

    /// A server that does not read, and a client that has numbered its datagrams and sent as many
    /// as there was room for.
    fn full_queue() -> (TempDir, UnixDatagram, UnixDatagram, Vec<u32>) {
        let folder = tempdir().unwrap();
        let path = folder.path().join("server");
        let (server, client) = (datagram_at(&path), UnixDatagram::unbound().unwrap());
        client.connect(&path).unwrap();
        client.set_nonblocking(true).unwrap();
        // So that no long queue ends at the client's own buffer.
        SockRef::from(&client).set_send_buffer_size(1 << 20).unwrap();
        let sent = (0..).take_while(|number: &u32| match client.send(&number.to_be_bytes()) {
            Ok(length) => length == 4,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("the queue is not just full: {error}"),
        });
        let sent = sent.collect();
        client.set_nonblocking(false).unwrap();
        (folder, server, client, sent)
    }

    /// One more than the limit finds room: 11, unless the system was told otherwise.
    #[test]
    fn the_queue_takes_one_datagram_more_than_its_limit() {
        let (_folder, _server, _client, sent) = full_queue();
        assert_eq!(sent.len(), limit() + 1);
    }

    /// A full queue makes the sender wait.
    #[test]
    fn a_full_queue_blocks_the_sender() {
        let (_folder, server, client, _) = full_queue();
        client.set_write_timeout(Some(BRIEFLY)).unwrap();
        assert_eq!(client.send(b"more").unwrap_err().kind(), ErrorKind::WouldBlock);
        again(|| server.recv(&mut [0; 4])).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client.send(b"more").unwrap();
    }

    /// What was sent stays, and stays in order (unix(7): "always reliable and don't reorder").
    #[test]
    fn a_full_queue_drops_nothing() {
        let (_folder, server, _client, sent) = full_queue();
        server.set_nonblocking(true).unwrap();
        let mut number = [0; 4];
        let received =
            iter::from_fn(|| server.recv(&mut number).ok().map(|_| u32::from_be_bytes(number)));
        assert!(received.eq(sent));
    }
}
