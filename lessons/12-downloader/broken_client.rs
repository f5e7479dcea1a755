//! Lesson 12 · Downloader, the classic client: broken on purpose.
//!
//! Terminal 1:   cargo run --bin 12-download-server
//! Terminal 2:   cargo run --bin 12-broken-client
//!
//! It reads once, at most 1024 bytes, and takes them for the file. It waits for ever, takes an answer
//! of no bytes for an empty file, and writes over whatever has the name already.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result};
use clap::Parser;
use sockets_by_example::address::Address;
use sockets_by_example::program::finish;
use sockets_by_example::say;
use sockets_by_example::text::printable;

/// Downloads the beginning of one file, and takes it for the file.
#[derive(Parser)]
#[command(after_help = "Explained in chapter 12 of the book: Downloader.")]
struct Args {
    /// Where the server is
    #[arg(default_value = "127.0.0.1:7890")]
    addr: Address,
    /// The file to ask for, saved as received-NAME in this folder
    #[arg(default_value = "LICENSE-APACHE")]
    name: String,
}

fn main() {
    finish(run(Args::parse()))
}

fn run(Args { addr, name }: Args) -> Result<()> {
    let server = addr.resolve()?;
    // ANCHOR: read_once
    let mut stream =
        TcpStream::connect(server).with_context(|| format!("cannot connect to {server}"))?;
    stream.write_all(name.as_bytes()).context("cannot send the name")?;
    let mut buffer = [0; 1024];
    let length = stream.read(&mut buffer).context("cannot read the file")?;
    // ANCHOR_END: read_once

    // ANCHOR: write
    let target = format!("received-{name}");
    let shown = printable(&target);
    fs::write(&target, &buffer[..length]).with_context(|| format!("cannot save {shown}"))?;
    say!("received {length} bytes, saved as {shown}")?;
    Ok(())
    // ANCHOR_END: write
}
