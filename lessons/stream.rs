//! TCP connections: bounded waits for what the peer sends, and one thread for each of a bounded number
//! of clients.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Error, Result};

use crate::program::{Seconds, finish, go_on_after, sentence};
use crate::terminal::complain;

// ANCHOR: read_within
/// Reads what has arrived, waiting at most `limit` for the first byte: the length in bytes, which is 0
/// at the end of the stream, or `None` when nothing came.
///
/// # Errors
/// The connection was reset, or cannot be read.
pub fn read_within(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    limit: Seconds,
) -> io::Result<Option<usize>> {
    stream.set_read_timeout(Some(limit.0))?;
    loop {
        match stream.read(buffer) {
            Ok(length) => return Ok(Some(length)),
            // The time is up: `WouldBlock` on Unix, `TimedOut` on Windows.
            Err(error) if is_timeout(&error) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether a read or a write took longer than the socket's timeout.
pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
// ANCHOR_END: read_within

// ANCHOR: serve
/// Accepts for ever, and answers each client in a thread of its own, at most `limit` at once. The
/// next ones wait in the listener's backlog until one is done: memory and threads stay bounded,
/// however many strangers come.
///
/// What `answer` returns as an error is said on standard error and ends that client alone.
///
/// # Errors
/// Nothing can be accepted any more.
pub fn serve(
    listener: &TcpListener,
    limit: usize,
    answer: impl Fn(TcpStream, SocketAddr) -> Result<()> + Sync,
) -> Result<()> {
    let clients = Clients::default();
    thread::scope(|scope| {
        loop {
            let here = clients.wait_below(limit);
            let (stream, from) = match listener.accept() {
                Ok(accepted) => accepted,
                // That client has gone again before its turn came.
                Err(error) if has_gone(&error) => continue,
                // For instance no file descriptor is left: the next one waits until one of these has left.
                Err(error) if here > 0 => {
                    let waits = Error::new(error).context("cannot accept the next client yet");
                    complain(sentence(&waits));
                    clients.wait_below(here);
                    continue;
                }
                Err(error) => return Err(error).context("cannot accept a client"),
            };
            let (place, answer) = (clients.enter(), &answer);
            let thread = thread::Builder::new().spawn_scoped(scope, move || {
                let _until_the_thread_ends = place;
                let answered = answer(stream, from).with_context(|| from.to_string());
                if let Err(error) = go_on_after(answered) {
                    finish(Err(error));
                }
            });
            if let Err(error) = thread {
                let unserved =
                    Error::new(error).context(format!("{from}: no thread for this client"));
                complain(sentence(&unserved));
            }
        }
    })
}
// ANCHOR_END: serve

/// How many clients are being answered, and a way to wait for that to change.
#[derive(Default)]
struct Clients {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Clients {
    /// Waits until fewer than `limit` are being answered: how many those are.
    fn wait_below(&self, limit: usize) -> usize {
        let full = |count: &mut usize| *count >= limit;
        *self.changed.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self) -> Place<'_> {
        *self.lock() += 1;
        Place(self)
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One client's place among them, free again when this is dropped.
struct Place<'a>(&'a Clients);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.changed.notify_one();
    }
}

/// Whether the error is about the client that would have been next, and not about us (accept(2)).
fn has_gone(error: &io::Error) -> bool {
    use ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | Interrupted
            | NetworkDown
            | NetworkUnreachable
            | HostUnreachable
    )
}
