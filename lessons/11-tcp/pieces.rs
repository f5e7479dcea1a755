//! Lesson 11 · TCP, an experiment: in which pieces a stream comes out.
//!
//! One terminal:   cargo run --bin 11-pieces
//!
//! It holds both ends of one connection, so that nothing depends on who comes first: all that is
//! written has arrived before anything is read. It takes one read for one message, and one write for
//! all of it, on purpose: both are wrong.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::program::finish;
use sockets_by_example::say;

/// Writes to itself over TCP, and shows in which pieces the bytes come out.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 11 of the book: TCP.")]
struct Args {}

fn main() {
    finish(run(Args::parse()))
}

fn run(Args {}: Args) -> Result<()> {
    // ANCHOR: both_ends
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot bind 127.0.0.1:0")?;
    let mut writer = TcpStream::connect(listener.local_addr()?).context("cannot connect")?;
    let (mut reader, _) = listener.accept().context("cannot accept")?;
    // No more clients; the connection that is there does not need the listener.
    drop(listener);
    // ANCHOR_END: both_ends

    // ANCHOR: reads
    let mut buffer = [0; 1024];
    writer.write_all(b"hello")?;
    writer.write_all(b"world")?;
    until_ready(&reader, 10)?;
    let length = reader.read(&mut buffer)?;
    say!("two writes of 5 bytes: one read gives {}", buffer[..length].escape_ascii())?;

    writer.write_all(&[b'x'; 3000])?;
    until_ready(&reader, 3000)?;
    for ordinal in ["first", "second", "third"] {
        let length = reader.read(&mut buffer)?;
        say!("one write of 3000 bytes: the {ordinal} read gives {length}")?;
    }
    // ANCHOR_END: reads

    // ANCHOR: part
    // Nobody reads any more, so that what both sides can hold is soon full.
    writer.set_write_timeout(Some(Duration::from_millis(100)))?;
    let much = vec![b'x'; 64 * 1024 * 1024];
    let length = writer.write(&much)?;
    say!("one write of {} bytes: {length} of them are taken", much.len())?;
    Ok(())
    // ANCHOR_END: part
}

/// Waits until so many bytes have arrived. `peek` looks at them and leaves them there.
fn until_ready(reader: &TcpStream, bytes: usize) -> Result<()> {
    let mut buffer = vec![0; bytes];
    while reader.peek(&mut buffer)? < bytes {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
