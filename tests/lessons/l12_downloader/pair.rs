//! The two sides together, as a reader runs them.

use std::fs;

use assert_fs::TempDir;
use assert_fs::prelude::*;
use predicates::prelude::*;
use predicates::str::starts_with;
use support::{Terminal, again, program};
#[cfg(target_os = "linux")]
use support::{is_in_time_wait, until_in_time_wait};

use super::{download, names_in, noise, same, serve};
use crate::to_its_end;

#[test]
fn a_file_comes_across_byte_for_byte() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let content = noise(5 * 1024 * 1024 + 17);
    from.child("模块/大文件.bin").write_binary(&content).unwrap();
    let (mut server, address) = serve(from.path());
    to_its_end(download(to.path(), address, "模块/大文件.bin")).assert().success().stdout(
        starts_with(format!(
            "received {} bytes from {address}, saved as received-大文件.bin\n",
            content.len()
        )),
    );
    server.expect(&format!(" \"模块/大文件.bin\": sent {} bytes\n", content.len()));
    same(&fs::read(to.child("received-大文件.bin")).unwrap(), &content);
    assert_eq!(names_in(&to), ["received-大文件.bin"]);
}

#[test]
#[cfg(target_os = "linux")]
fn after_a_download_it_is_the_server_s_port_that_waits() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    from.child("file").write_binary(&noise(1000)).unwrap();
    let (mut server, address) = serve(from.path());
    to_its_end(download(to.path(), address, "file")).assert().success();
    let client = server.expect(" \"file\": sent 1000 bytes\n");
    let client = client.split_whitespace().find_map(|word| word.parse().ok());
    let client = client.expect("the server names its client");
    until_in_time_wait(address, client);
    assert!(!is_in_time_wait(client, address));
}

#[test]
fn a_missing_file_is_said_and_makes_none() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (_server, address) = serve(from.path());
    to_its_end(download(to.path(), address, "missing")).assert().code(1).stdout("").stderr(
        format!("nothing was saved: \"missing\" is missing, refused or empty at {address}\n"),
    );
    assert_eq!(names_in(&to), [""; 0]);
}

#[test]
fn eight_clients_at_once_all_get_the_whole_file() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let content = noise(2 * 1024 * 1024 + 17);
    from.child("file").write_binary(&content).unwrap();
    let (_server, address) = serve(from.path());
    let started: Vec<_> = (0..8)
        .map(|number| {
            let mut command = download(to.path(), address, "file");
            command.args(["--out", &format!("copy-{number}")]);
            Terminal::start(command)
        })
        .collect();
    for (number, mut client) in started.into_iter().enumerate() {
        client.ends_with(0);
        same(&fs::read(to.child(format!("copy-{number}"))).unwrap(), &content);
    }
}

#[test]
fn both_sides_work_over_ipv6_and_by_name() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    from.child("file").write_str("content").unwrap();
    let mut locals = vec!["localhost:0"];
    match std::net::TcpListener::bind("[::1]:0") {
        Ok(_) => locals.push("[::1]:0"),
        Err(_) => support::skipped("this machine has no IPv6"),
    }
    for local in locals {
        let mut server =
            Terminal::start(program!("12-download-server", local, "--dir", from.path()));
        let port = server.listening().port().to_string();
        let address = local.strip_suffix('0').unwrap().to_owned() + &port;
        to_its_end(download(to.path(), address, "file")).arg("--force").assert().success();
        to.child("received-file").assert("content");
    }
}

#[test]
#[cfg(unix)]
fn a_server_that_is_killed_in_the_middle_leaves_the_client_with_nothing() {
    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    // Far more than comes across before the end.
    super::hole(from.child("huge"), 8 << 30);
    let (mut server, address) = serve(from.path());
    let mut client = Terminal::start(download(to.path(), address, "huge"));
    super::wait_for_a_temporary_file(&to);
    server.kill();
    client.expect_error(&format!("nothing was saved: {address} broke off after "));
    client.ends_with(1);
    assert_eq!(names_in(&to), [""; 0]);
}

#[test]
#[cfg(target_os = "linux")]
fn neither_side_holds_more_than_a_little_of_a_large_file() {
    use std::io::{self, Read as _};

    let (from, to) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let length = 256 << 20;
    super::hole(from.child("large"), length);
    let (server, address) = serve(from.path());
    // The test passes on what the two send, so that the client is still there when all has come.
    let between = support::tcp();
    let command = download(to.path(), between.local_addr().unwrap(), "large");
    let mut client = Terminal::start(command);
    let mut to_client = support::accept(&between);
    let mut name = [0; 1024];
    let named = again(|| to_client.read(&mut name)).unwrap();
    let mut to_server = super::ask(address, &name[..named]);
    assert_eq!(io::copy(&mut to_server, &mut to_client).unwrap(), length);
    let peaks = [server.peak_memory(), client.peak_memory()];
    drop(to_client);
    client.ends_with(0);
    assert_eq!(fs::metadata(to.child("received-large")).unwrap().len(), length);
    assert!(peaks.iter().all(|&peak| peak < 16 * 1024), "server and client: {peaks:?} KiB");
}

#[test]
fn what_the_server_refuses_the_client_cannot_get() {
    let outside = TempDir::new().unwrap();
    outside.child("secret").write_str("nobody's business").unwrap();
    let (from, to) = (outside.child("served"), TempDir::new().unwrap());
    from.create_dir_all().unwrap();
    let (_server, address) = serve(from.path());
    to_its_end(download(to.path(), address, "../secret")).assert().code(1).stdout("");
    to.child("received-secret").assert(predicate::path::missing());
}
