//! The classic client keeps its faults: the chapter shows each of them happening.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use assert_fs::TempDir;
use assert_fs::prelude::*;
use support::{Terminal, accept, again, program, tcp};

use super::{names_in, noise, same, serve};
use crate::to_its_end;

fn broken_download(folder: &Path, server: SocketAddr, name: &str) -> Command {
    let mut command = program!("12-broken-client", server.to_string(), name);
    command.current_dir(folder);
    command
}

#[test]
fn it_takes_what_its_first_read_gives_for_the_file() {
    let (folder, listener) = (TempDir::new().unwrap(), tcp());
    let address = listener.local_addr().unwrap();
    let mut client = Terminal::start(broken_download(folder.path(), address, "file"));
    let mut server = accept(&listener);
    let mut name = [0; 1024];
    let length = again(|| server.read(&mut name)).unwrap();
    assert_eq!(&name[..length], b"file");
    server.write_all(b"only the beg").unwrap();
    client.expect("received 12 bytes, saved as received-file\n");
    client.ends_with(0);
    folder.child("received-file").assert("only the beg");
}

#[test]
fn it_saves_at_most_the_first_1024_bytes_of_a_larger_file() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let content = noise(11_358);
    from.child("file").write_binary(&content).unwrap();
    let (mut server, address) = serve(from.path());
    let client = to_its_end(broken_download(to.path(), address, "file")).assert().success();
    let saved = fs::read(to.child("received-file")).unwrap();
    assert!((1..=1024).contains(&saved.len()), "{}", saved.len());
    same(&saved, &content[..saved.len()]);
    client.stdout(format!("received {} bytes, saved as received-file\n", saved.len()));
    server.expect(" \"file\": sent 11358 bytes\n");
}

#[test]
fn it_makes_a_file_of_an_empty_answer_and_overwrites_one_without_a_word() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (_server, address) = serve(from.path());
    to.child("received-missing").write_str("mine").unwrap();
    to_its_end(broken_download(to.path(), address, "missing"))
        .assert()
        .success()
        .stdout("received 0 bytes, saved as received-missing\n")
        .stderr("");
    assert_eq!(names_in(&to), ["received-missing"]);
    to.child("received-missing").assert("");
}
