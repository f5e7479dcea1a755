//! The server against bare sockets: what it sends byte for byte, and whom it lets wait.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use assert_fs::TempDir;
use assert_fs::prelude::*;
use predicates::prelude::*;
use predicates::str::starts_with;
use socket2::SockRef;
use support::{Terminal, again, connect, program, read_to_end};

use super::{MORE_THAN_BUFFERS_HOLD, ask, hole, logged, noise, same, serve, serve_idle};
use crate::to_its_end;

/// A folder with a small file in it, and a large one that takes its reader to be sent.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    folder.child("small").write_str("all of it").unwrap();
    hole(folder.child("large"), MORE_THAN_BUFFERS_HOLD);
    folder
}

/// Waits for the first byte of the large file: its client is now being answered, and not yet for long.
#[track_caller]
fn has_begun(client: &mut TcpStream) {
    client.read_exact(&mut [0]).expect("the first byte comes");
}

/// Reads until the connection is reset, which must come before the end of the stream.
#[track_caller]
fn is_reset(client: &mut TcpStream) {
    let error = client.read_to_end(&mut Vec::new()).expect_err("a reset and no clean end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

/// Closes the connection with a reset.
fn reset(client: TcpStream) {
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
}

/// A client gets the small file.
#[track_caller]
fn another_is_served(address: SocketAddr) {
    assert_eq!(read_to_end(&mut ask(address, "small")), b"all of it");
}

#[test]
fn the_answer_is_the_file_up_to_the_end_of_the_stream() {
    let folder = TempDir::new().unwrap();
    // Around the size of the buffer, and a few bytes more than any buffer's multiple.
    for length in [1, 1024, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 3 * 1024 * 1024 + 17] {
        let content = noise(length);
        folder.child("file").write_binary(&content).unwrap();
        let (mut server, address) = serve(folder.path());
        let mut client = ask(address, "file");
        same(&read_to_end(&mut client), &content);
        assert_eq!(logged(&mut server, &client), format!("\"file\": sent {length} bytes"));
    }
}

#[test]
fn an_empty_file_has_an_empty_answer_and_the_log_tells_it_from_a_missing_one() {
    let folder = TempDir::new().unwrap();
    folder.child("empty").touch().unwrap();
    let (mut server, address) = serve(folder.path());
    let mut client = ask(address, "empty");
    assert_eq!(read_to_end(&mut client), b"");
    assert_eq!(logged(&mut server, &client), "\"empty\": sent 0 bytes");
}

#[test]
fn a_name_in_chinese_is_served() {
    let folder = TempDir::new().unwrap();
    folder.child("模块.txt").write_str("你好，世界").unwrap();
    let (mut server, address) = serve(folder.path());
    let mut client = ask(address, "模块.txt");
    assert_eq!(read_to_end(&mut client), "你好，世界".as_bytes());
    assert_eq!(logged(&mut server, &client), "\"模块.txt\": sent 15 bytes");
}

#[test]
fn without_a_folder_the_current_one_is_served() {
    let folder = folder();
    let mut command = program!("12-download-server", "127.0.0.1:0");
    command.current_dir(folder.path());
    let mut server = Terminal::start(command);
    another_is_served(server.listening());
}

#[test]
fn the_server_answers_over_ipv6() {
    if TcpListener::bind("[::1]:0").is_err() {
        support::skipped("this machine has no IPv6");
        return;
    }
    let folder = folder();
    let command = program!("12-download-server", "[::1]:0", "--dir", folder.path());
    let mut server = Terminal::start(command);
    another_is_served(server.listening());
}

#[test]
fn a_client_that_ends_its_half_behind_the_name_is_answered() {
    let folder = folder();
    let (_server, address) = serve(folder.path());
    let mut client = ask(address, "small");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut client), b"all of it");
}

#[test]
fn what_a_client_sends_behind_the_name_costs_it_no_byte_of_the_file() {
    let folder = folder();
    let content = noise(8 * 1024 * 1024);
    folder.child("file").write_binary(&content).unwrap();
    let (_server, address) = serve(folder.path());
    let mut client = ask(address, "file");
    let mut came = vec![0];
    client.read_exact(&mut came).unwrap();
    client.write_all(&[b'x'; 64 * 1024]).unwrap();
    client.read_to_end(&mut came).expect("no reset");
    same(&came, &content);
}

#[test]
#[cfg(unix)]
fn a_client_that_goes_on_sending_for_ever_is_let_go() {
    let folder = folder();
    let (server, address) = serve_idle(folder.path(), "0.3");
    let mut client = ask_while_stopped(&server, address, "small");
    assert_eq!(read_to_end(&mut client), b"all of it");
    super::await_that("the server reads no more", || client.write_all(&[b'x'; 64 * 1024]).is_err());
}

#[test]
fn a_client_that_says_nothing_keeps_nobody_waiting() {
    let folder = folder();
    let (_server, address) = serve(folder.path());
    let _silent: Vec<_> = (0..20).map(|_| connect(address)).collect();
    another_is_served(address);
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let folder = folder();
    let (mut server, address) = serve_idle(folder.path(), "0.3");
    let mut silent = connect(address);
    assert_eq!(read_to_end(&mut silent), b"");
    assert_eq!(logged(&mut server, &silent), "no name: refused: said nothing for 0.3 s");
}

#[test]
fn a_client_that_reads_nothing_keeps_nobody_waiting() {
    let folder = folder();
    let (_server, address) = serve(folder.path());
    let mut lazy: Vec<_> = (0..20).map(|_| ask(address, "large")).collect();
    lazy.iter_mut().for_each(has_begun);
    another_is_served(address);
}

#[test]
#[cfg(unix)]
fn a_client_that_reads_nothing_is_cut_off() {
    let folder = folder();
    let (mut server, address) = serve_idle(folder.path(), "0.3");
    let mut lazy = ask_while_stopped(&server, address, "large");
    let line = logged(&mut server, &lazy);
    let cut = "\"large\": cut: the client read nothing for 0.3 s after ";
    assert!(line.starts_with(cut), "{line}");
    is_reset(&mut lazy);
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_that_reads_late_still_gets_what_the_server_has_sent() {
    let folder = folder();
    // More than a socket takes in unread, less than one keeps to be sent: the server is done before
    // all of it is on its way.
    let content = noise(512 * 1024);
    folder.child("file").write_binary(&content).unwrap();
    let (mut server, address) = serve_idle(folder.path(), "0.3");
    let mut late = ask_while_stopped(&server, address, "file");
    assert_eq!(logged(&mut server, &late), "\"file\": sent 524288 bytes");
    let threads = format!("/proc/{}/task", server.process_id());
    let only_main = || std::fs::read_dir(&threads).unwrap().count() == 1;
    super::await_that("the thread that answered has ended", only_main);
    same(&read_to_end(&mut late), &content);
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_is_stopped_and_goes_on_loses_no_byte() {
    let folder = folder();
    let (server, address) = serve(folder.path());
    let mut client = ask(address, "large");
    let mut piece = vec![0; 1024 * 1024];
    for _ in 0..10 {
        client.read_exact(&mut piece).unwrap();
        // Most likely in the middle of a write, which then has sent a part only.
        server.stop_and_go_on();
    }
    let rest = io::copy(&mut client, &mut io::sink()).unwrap();
    assert_eq!(rest + 10 * 1024 * 1024, MORE_THAN_BUFFERS_HOLD);
}

/// Names a file while the server is stopped: it finds the name there at once when it goes on, so that
/// not even a busy machine makes the client idle too long before it has begun.
#[cfg(unix)]
fn ask_while_stopped(server: &Terminal, address: SocketAddr, name: &str) -> TcpStream {
    use rustix::process::{Pid, Signal, kill_process};

    let process = Pid::from_raw(server.process_id().cast_signed()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    let client = ask(address, name);
    kill_process(process, Signal::CONT).unwrap();
    client
}

#[test]
fn eight_clients_are_answered_at_once() {
    let folder = folder();
    let (_server, address) = serve(folder.path());
    let mut clients: Vec<_> = (0..8).map(|_| ask(address, "large")).collect();
    // None of them has all of its file before the last one has a part of it.
    clients.iter_mut().rev().for_each(has_begun);
    for client in &mut clients {
        let rest = io::copy(client, &mut io::sink()).unwrap();
        assert_eq!(rest, MORE_THAN_BUFFERS_HOLD - 1);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_129th_client_waits_until_one_of_the_128_leaves() {
    let folder = folder();
    let (_server, address) = serve(folder.path());
    let mut silent: Vec<_> = (0..128).map(|_| connect(address)).collect();
    let mut next = ask(address, "small");
    next.set_read_timeout(Some(support::BRIEFLY)).unwrap();
    let waiting = again(|| next.read(&mut [0])).expect_err("its turn has not come");
    assert_eq!(waiting.kind(), ErrorKind::WouldBlock);
    drop(silent.pop());
    next.set_read_timeout(Some(support::PATIENCE)).unwrap();
    assert_eq!(read_to_end(&mut next), b"all of it");
}

#[test]
#[cfg(target_os = "linux")]
fn strangers_who_say_nothing_fill_no_memory() {
    let folder = folder();
    let (server, address) = serve_idle(folder.path(), "0.3");
    let strangers: Vec<_> = (0..300).map(|_| connect(address)).collect();
    for mut stranger in strangers {
        assert_eq!(read_to_end(&mut stranger), b"");
    }
    let peak = server.peak_memory();
    assert!(peak < 16 * 1024, "{peak} KiB");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_house_that_reads_nothing_takes_a_buffer_for_each_client_and_no_more() {
    let folder = folder();
    let (server, address) = serve(folder.path());
    for _ in 0..3 {
        let mut house: Vec<_> = (0..128).map(|_| ask(address, "large")).collect();
        house.iter_mut().for_each(has_begun);
    }
    let peak = server.peak_memory();
    assert!(peak < (128 * 256 + 16 * 1024), "{peak} KiB");
}

#[test]
fn a_client_that_leaves_in_the_middle_ends_its_own_answer_only() {
    let folder = folder();
    let (mut server, address) = serve(folder.path());
    let mut other = ask(address, "large");
    has_begun(&mut other);
    let mut rude = ask(address, "large");
    has_begun(&mut rude);
    let about = format!("{} \"large\": cut: the client left after ", rude.local_addr().unwrap());
    reset(rude);
    server.expect(&about);
    another_is_served(address);
    let rest = io::copy(&mut other, &mut io::sink()).unwrap();
    assert_eq!(rest, MORE_THAN_BUFFERS_HOLD - 1);
    assert_eq!(server.errors(), b"");
}

#[test]
fn a_client_that_resets_before_it_names_a_file_ends_nobody_else() {
    let folder = folder();
    let (mut server, address) = serve(folder.path());
    for _ in 0..20 {
        reset(connect(address));
    }
    another_is_served(address);
    server.expect(" \"small\": sent 9 bytes\n");
    assert!(server.is_running());
}

#[test]
fn a_server_that_is_killed_resets_what_it_had_not_finished() {
    let folder = folder();
    let (mut server, address) = serve(folder.path());
    let mut client = ask(address, "large");
    has_begun(&mut client);
    server.kill();
    is_reset(&mut client);
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_server_at_once_while_clients_wait() {
    use std::os::unix::process::ExitStatusExt;

    let folder = folder();
    let (mut server, address) = serve(folder.path());
    let mut client = ask(address, "large");
    has_begun(&mut client);
    let _silent = connect(address);
    server.interrupt();
    let ended = server.wait();
    assert_eq!(ended.status.signal(), Some(2), "{ended:?}");
    is_reset(&mut client);
}

#[test]
fn a_file_that_grows_while_it_is_sent_is_sent_to_its_new_end() {
    let folder = folder();
    let (mut server, address) = serve(folder.path());
    let mut client = ask(address, "large");
    has_begun(&mut client);
    let mut file = OpenOptions::new().append(true).open(folder.child("large")).unwrap();
    file.write_all(b"and more").unwrap();
    let total = 1 + io::copy(&mut client, &mut io::sink()).unwrap();
    assert_eq!(total, MORE_THAN_BUFFERS_HOLD + 8);
    assert_eq!(logged(&mut server, &client), format!("\"large\": sent {total} bytes"));
}

#[test]
#[cfg(unix)]
fn a_file_that_shrinks_while_it_is_sent_ends_at_its_new_end() {
    let folder = folder();
    let (mut server, address) = serve(folder.path());
    let mut client = ask(address, "large");
    has_begun(&mut client);
    hole(folder.child("large"), 1);
    let total = 1 + io::copy(&mut client, &mut io::sink()).unwrap();
    assert!(total < MORE_THAN_BUFFERS_HOLD, "{total}");
    assert_eq!(logged(&mut server, &client), format!("\"large\": sent {total} bytes"));
}

#[test]
#[cfg(unix)]
fn a_file_that_is_removed_while_it_is_sent_comes_whole() {
    let folder = folder();
    let (_server, address) = serve(folder.path());
    let mut client = ask(address, "large");
    has_begun(&mut client);
    std::fs::remove_file(folder.child("large")).unwrap();
    let rest = io::copy(&mut client, &mut io::sink()).unwrap();
    assert_eq!(rest, MORE_THAN_BUFFERS_HOLD - 1);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_cannot_be_read_to_its_end_is_a_reset_and_no_short_file() {
    // The memory of the server itself: a regular file whose first page nobody can read.
    let (mut server, address) = serve("/proc/self");
    let mut client = ask(address, "mem");
    is_reset(&mut client);
    let why = "\"mem\": cut: cannot read on after 0 bytes: Input/output error";
    assert_eq!(logged(&mut server, &client), why);
}

#[test]
fn a_folder_that_is_none_cannot_be_served() {
    let folder = folder();
    for name in ["missing", "small"] {
        let path = folder.child(name);
        let says = format!("cannot serve the folder {}: ", path.path().display());
        let one_line = predicate::function(|text: &str| text.lines().count() == 1);
        to_its_end(program!("12-download-server", "127.0.0.1:0", "--dir", path.path()))
            .assert()
            .code(1)
            .stdout("")
            .stderr(starts_with(says).and(one_line));
    }
}
#[test]
#[cfg(target_os = "linux")]
fn a_server_out_of_file_descriptors_serves_on_when_clients_have_left() {
    let folder = folder();
    let mut few = std::process::Command::new("sh");
    few.args(["-c", "ulimit -n 32 && exec \"$0\" \"$@\""]);
    let command = program!("12-download-server", "127.0.0.1:0", "--dir", folder.path());
    few.arg(command.get_program()).args(command.get_args());
    let mut server = Terminal::start(few);
    let address = server.listening();
    let silent: Vec<_> = (0..40).map(|_| connect(address)).collect();
    server.expect_error("cannot accept the next client yet: Too many open files");
    drop(silent);
    for _ in 0..40 {
        server.expect(" no name: refused: an empty name\n");
    }
    another_is_served(address);
}
