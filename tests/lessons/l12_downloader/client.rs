//! The client against bare sockets: what it asks byte for byte, and what it makes of any answer.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use assert_fs::TempDir;
use assert_fs::prelude::*;
use predicates::prelude::*;
use predicates::str::starts_with;
use socket2::SockRef;
use support::{BRIEFLY, Terminal, accept, again, nobodys_address, program, tcp};

use super::{download, download_within, names_in, noise, same, wait_for_a_temporary_file};
use crate::to_its_end;

/// An empty folder for the client, and a listener of the test's own, at this address.
fn stage() -> (TempDir, TcpListener, String) {
    let listener = tcp();
    let address = listener.local_addr().unwrap().to_string();
    (TempDir::new().unwrap(), listener, address)
}

/// The connection of the next client, and what it sends in one piece.
#[track_caller]
fn asked(listener: &TcpListener) -> (TcpStream, String) {
    let mut stream = accept(listener);
    let mut request = [0; 2048];
    let length = again(|| stream.read(&mut request)).expect("a name comes");
    (stream, String::from_utf8(request[..length].to_vec()).expect("in UTF-8"))
}

/// Answers the next client with these bytes, and ends the stream.
#[track_caller]
fn answer(listener: &TcpListener, bytes: &[u8]) {
    let (mut stream, _) = asked(listener);
    stream.write_all(bytes).expect("the client reads");
}

/// Asserts that nobody has connected.
#[track_caller]
fn nobody_came(listener: &TcpListener) {
    listener.set_nonblocking(true).unwrap();
    let nobody = listener.accept().expect_err("nobody comes");
    listener.set_nonblocking(false).unwrap();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
}

#[track_caller]
fn assert_empty(folder: &TempDir) {
    assert_eq!(names_in(folder), [""; 0]);
}

#[test]
fn the_request_is_the_bare_name_and_the_client_ends_nothing_behind_it() {
    let (folder, listener, address) = stage();
    let name = "a folder/大文件.bin";
    let mut client = Terminal::start(download(folder.path(), address, name));
    let (mut server, request) = asked(&listener);
    assert_eq!(request, name);
    server.set_read_timeout(Some(BRIEFLY)).unwrap();
    let silence = again(|| server.read(&mut [0])).expect_err("neither a byte nor an end");
    assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silence}");
    server.write_all(b"content").unwrap();
    drop(server);
    client.ends_with(0);
    folder.child("received-大文件.bin").assert("content");
}

#[test]
fn a_name_of_1024_bytes_is_sent_in_one_piece() {
    let (folder, listener, address) = stage();
    let name = format!("{}file", "x/".repeat(510));
    let mut client = Terminal::start(download(folder.path(), address, &name));
    let (_, request) = asked(&listener);
    assert_eq!(request, name);
    client.ends_with(1);
}

#[test]
fn an_answer_in_odd_pieces_becomes_the_whole_file() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), &address, "file"));
    let (mut server, _) = asked(&listener);
    server.set_nodelay(true).unwrap();
    let content = noise(3 * 1024 * 1024 + 17);
    let mut rest = &content[..];
    for length in [1, 2, 3, 1023, 1024, 1025, 65_536, 256 * 1024 + 1, rest.len()] {
        let (piece, later) = rest.split_at(length.min(rest.len()));
        server.write_all(piece).unwrap();
        rest = later;
    }
    drop(server);
    let said = format!("received {} bytes from {address}, saved as received-file\n", content.len());
    client.expect(&said);
    client.expect("this protocol cannot tell: it ends where the stream ends)\n");
    assert_eq!(client.ends_with(0).errors, "");
    same(&fs::read(folder.child("received-file")).unwrap(), &content);
    assert_eq!(names_in(&folder), ["received-file"]);
}

#[test]
fn an_empty_answer_makes_no_file() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), &address, "no such file"));
    answer(&listener, b"");
    let why = "nothing was saved: \"no such file\" is missing, refused or empty at ";
    client.expect_error(&format!("{why}{address}\n"));
    assert_eq!(client.ends_with(1).output, "");
    assert_empty(&folder);
}

#[test]
fn a_reset_saves_nothing() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), &address, "file"));
    let (mut server, _) = asked(&listener);
    server.write_all(&noise(100_000)).unwrap();
    wait_for_a_temporary_file(&folder);
    SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    client.expect_error(&format!("nothing was saved: {address} broke off after "));
    assert_eq!(client.ends_with(1).output, "");
    assert_empty(&folder);
}

#[test]
fn a_reset_before_the_first_byte_saves_nothing() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), &address, "file"));
    let (server, _) = asked(&listener);
    SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
    drop(server);
    client.expect_error(&format!("nothing was saved: {address} broke off after 0 bytes: "));
    client.ends_with(1);
    assert_empty(&folder);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let (folder, _listener, address) = stage();
    to_its_end(download_within("0.3", folder.path(), &address, "file"))
        .assert()
        .code(1)
        .stdout("")
        .stderr(format!("no answer from {address} within 0.3 s\n"));
    assert_empty(&folder);
}

#[test]
fn a_server_that_stops_in_the_middle_is_given_up() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download_within("1", folder.path(), &address, "file"));
    // At once: the client waits for a second, and the request can be read later.
    let mut server = accept(&listener);
    server.write_all(b"the beginning").unwrap();
    client.expect_error(&format!("nothing was saved: {address} stopped for 1 s after 13 bytes\n"));
    client.ends_with(1);
    assert_empty(&folder);
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_that_is_stopped_and_goes_on_saves_the_whole_file() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), address, "file"));
    let (mut server, _) = asked(&listener);
    server.write_all(b"one, ").unwrap();
    wait_for_a_temporary_file(&folder);
    client.stop_and_go_on();
    server.write_all(b"two").unwrap();
    drop(server);
    client.ends_with(0);
    folder.child("received-file").assert("one, two");
}

#[test]
fn nobody_listening_is_one_sentence() {
    let folder = TempDir::new().unwrap();
    let address = nobodys_address();
    to_its_end(download(folder.path(), address, "file"))
        .assert()
        .code(1)
        .stdout("")
        .stderr(starts_with(format!("cannot connect to {address}: ")));
    assert_empty(&folder);
}

#[test]
#[cfg(unix)]
fn an_interrupted_client_leaves_nothing_behind() {
    let (folder, listener, address) = stage();
    for stop in [Terminal::interrupt, Terminal::terminate, Terminal::quit] {
        let mut client = Terminal::start(download(folder.path(), &address, "file"));
        let (mut server, _) = asked(&listener);
        server.write_all(&noise(100_000)).unwrap();
        wait_for_a_temporary_file(&folder);
        stop(&client);
        let ended = client.ends_with(1);
        assert_eq!((&*ended.output, &*ended.errors), ("", "interrupted: nothing was saved\n"));
        assert_empty(&folder);
    }
}

#[test]
fn a_killed_client_leaves_nothing_under_the_final_name() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), &address, "file"));
    let (mut server, _) = asked(&listener);
    server.write_all(&noise(100_000)).unwrap();
    wait_for_a_temporary_file(&folder);
    client.kill();
    folder.child("received-file").assert(predicate::path::missing());
}

#[test]
#[cfg(unix)]
fn a_limit_on_the_size_of_files_saves_nothing() {
    let (folder, listener, address) = stage();
    let command = download(folder.path(), address, "file");
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -f 50 && exec \"$0\" \"$@\""]).arg(command.get_program());
    limited.args(command.get_args()).current_dir(folder.path());
    let mut client = Terminal::start(limited);
    let (mut server, _) = asked(&listener);
    // The client leaves in the middle.
    let _ = server.write_all(&noise(1024 * 1024));
    client.expect_error("nothing was saved: cannot write ");
    client.expect_error(" bytes: File too large\n");
    client.ends_with(1);
    assert_empty(&folder);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_saves_nothing() {
    let (folder, listener, address) = stage();
    // A file system of 1 MiB that nobody else sees; what is in it at the end goes to standard output.
    let script = r#"
        mount -t tmpfs -o size=1m tmpfs "$0" && cd "$0" || exit 77
        "$@"
        status=$?
        ls -A
        exit $status"#;
    let on_a_small_disk = |command: std::process::Command| {
        let mut small = std::process::Command::new("unshare");
        small.args(["-rm", "sh", "-c", script]).arg(folder.path());
        small.arg(command.get_program()).args(command.get_args());
        small
    };
    let mut possible = on_a_small_disk(std::process::Command::new("true"));
    if !possible.output().is_ok_and(|ended| ended.status.success()) {
        support::skipped("this system lets nobody mount a file system of his own");
        return;
    }
    let mut client = Terminal::start(on_a_small_disk(download(folder.path(), address, "file")));
    let (mut server, _) = asked(&listener);
    // The client leaves in the middle.
    let _ = server.write_all(&noise(8 * 1024 * 1024));
    client.expect_error("nothing was saved: cannot write ");
    client.expect_error(" bytes: No space left on device\n");
    assert_eq!(client.ends_with(1).output, "");
}

#[test]
fn a_file_that_is_there_is_left_alone_and_the_server_not_even_asked() {
    let (folder, listener, address) = stage();
    folder.child("received-file").write_str("mine").unwrap();
    to_its_end(download(folder.path(), address, "file"))
        .assert()
        .code(1)
        .stdout("")
        .stderr("received-file exists already; --force overwrites it\n");
    nobody_came(&listener);
    folder.child("received-file").assert("mine");
}

#[test]
fn a_file_that_appears_meanwhile_is_left_alone() {
    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), address, "file"));
    let (mut server, _) = asked(&listener);
    server.write_all(b"theirs").unwrap();
    wait_for_a_temporary_file(&folder);
    folder.child("received-file").write_str("mine").unwrap();
    drop(server);
    client.expect_error("cannot save received-file: ");
    client.ends_with(1);
    folder.child("received-file").assert("mine");
    assert_eq!(names_in(&folder), ["received-file"]);
}

#[test]
fn force_overwrites() {
    let (folder, listener, address) = stage();
    folder.child("received-file").write_str("a longer text than the new one").unwrap();
    let mut command = download(folder.path(), address, "file");
    command.arg("--force");
    let mut client = Terminal::start(command);
    answer(&listener, b"new");
    client.ends_with(0);
    folder.child("received-file").assert("new");
}

#[test]
fn a_download_that_fails_overwrites_nothing() {
    let (folder, listener, address) = stage();
    folder.child("received-file").write_str("old").unwrap();
    let mut command = download(folder.path(), address, "file");
    command.arg("--force");
    let mut client = Terminal::start(command);
    answer(&listener, b"");
    client.ends_with(1);
    folder.child("received-file").assert("old");
    assert_eq!(names_in(&folder), ["received-file"]);
}

#[test]
#[cfg(unix)]
fn force_replaces_a_link_and_not_what_it_leads_to() {
    let (folder, listener, address) = stage();
    folder.child("elsewhere").write_str("mine").unwrap();
    std::os::unix::fs::symlink("elsewhere", folder.child("received-file")).unwrap();
    let mut command = download(folder.path(), address, "file");
    command.arg("--force");
    let mut client = Terminal::start(command);
    answer(&listener, b"theirs");
    client.ends_with(0);
    folder.child("elsewhere").assert("mine");
    folder.child("received-file").assert("theirs");
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_nowhere_is_not_followed() {
    let (folder, listener, address) = stage();
    std::os::unix::fs::symlink("elsewhere", folder.child("received-file")).unwrap();
    to_its_end(download(folder.path(), address, "file"))
        .assert()
        .code(1)
        .stderr("received-file exists already; --force overwrites it\n");
    nobody_came(&listener);
    folder.child("elsewhere").assert(predicate::path::missing());
}

#[test]
fn not_even_force_overwrites_what_is_no_file() {
    let (folder, listener, address) = stage();
    folder.child("folder").create_dir_all().unwrap();
    #[cfg(unix)]
    super::fifo(&folder.child("fifo"));
    let targets = if cfg!(unix) { &["folder", ".", "fifo"][..] } else { &["folder", "."] };
    for target in targets {
        for force in [&["--force"][..], &[]] {
            let mut command = download(folder.path(), &address, "file");
            command.args(["--out", target]).args(force);
            to_its_end(command)
                .assert()
                .code(1)
                .stdout("")
                .stderr(format!("{target} is not a file that can be overwritten\n"));
        }
    }
    nobody_came(&listener);
}

#[test]
fn only_the_last_part_of_the_name_is_taken_and_it_stays_in_the_current_folder() {
    let (outside, listener, address) = stage();
    let folder = outside.child("a/b");
    folder.create_dir_all().unwrap();
    for name in ["../x1", "../../x2", "/x3", "/etc/x4", r"..\x5", r"C:\x6", "a/../../x7", "./x8"] {
        let mut client = Terminal::start(download(folder.path(), &address, name));
        let (mut server, request) = asked(&listener);
        // The server still hears the name as it was given.
        assert_eq!(request, name);
        server.write_all(b"content").unwrap();
        drop(server);
        client.ends_with(0);
        let last = &name[name.len() - 2..];
        folder.child(format!("received-{last}")).assert("content");
    }
    assert_eq!(names_in(&folder).len(), 8);
    assert_eq!(names_in(&outside.child("a")), ["b"]);
    assert_eq!(names_in(&outside), ["a"]);
}

#[test]
fn a_name_without_a_last_part_needs_to_be_told_where_to_save() {
    let (folder, listener, address) = stage();
    for name in ["..", ".", "/", "a/", "a/..", r"a\", r"a\.."] {
        to_its_end(download(folder.path(), &address, name))
            .assert()
            .code(1)
            .stderr(format!("\"{name}\" names no file; say with --out where to save it\n"));
    }
    nobody_came(&listener);
    let mut command = download(folder.path(), &address, "a/");
    command.args(["--out", "here"]);
    let mut client = Terminal::start(command);
    answer(&listener, b"content");
    client.ends_with(0);
    folder.child("here").assert("content");
}

#[test]
fn out_says_where_to_save() {
    let (outside, listener, address) = stage();
    let folder = outside.child("current");
    folder.create_dir_all().unwrap();
    let mut command = download(folder.path(), address, "file");
    command.args(["--out", "../elsewhere"]);
    let mut client = Terminal::start(command);
    answer(&listener, b"content");
    client.ends_with(0);
    outside.child("elsewhere").assert("content");
    assert_eq!(names_in(&folder), [""; 0]);
}

#[test]
fn a_folder_that_is_missing_is_named() {
    let (folder, listener, address) = stage();
    let mut command = download(folder.path(), address, "file");
    command.args(["--out", "missing/file"]);
    let mut client = Terminal::start(command);
    answer(&listener, b"");
    client.expect_error("cannot save in missing: ");
    client.ends_with(1);
    assert_empty(&folder);
}

#[test]
#[cfg(unix)]
fn a_name_that_no_file_can_have_is_said_before_the_server_is_asked() {
    let (folder, listener, address) = stage();
    // With `received-` before it longer than the 255 bytes or characters of a file's name.
    let name = "x".repeat(250);
    to_its_end(download(folder.path(), address, &name))
        .assert()
        .code(1)
        .stdout("")
        .stderr(starts_with(format!("cannot save received-{name}: ")));
    nobody_came(&listener);
}

#[test]
fn a_name_that_no_request_can_have_is_not_asked_for() {
    let (folder, listener, address) = stage();
    let long = "x".repeat(1025);
    for (name, why) in [
        ("", "a file without a name cannot be asked for\n"),
        (&*long, "the name has 1025 bytes, and a request has at most 1024\n"),
    ] {
        to_its_end(download(folder.path(), &address, name)).assert().code(1).stderr(why);
    }
    nobody_came(&listener);
}

#[test]
#[cfg(unix)]
fn a_name_that_could_drive_the_terminal_is_shown_escaped() {
    let (folder, listener, address) = stage();
    let name = "\x1b]0;mine\x07\n\u{202e}";
    let shown = r"\u{1b}]0;mine\u{7}\n\u{202e}";
    let mut client = Terminal::start(download(folder.path(), &address, name));
    answer(&listener, b"");
    client.expect_error(&format!("nothing was saved: \"{shown}\" is missing, "));
    client.ends_with(1);
    let mut client = Terminal::start(download(folder.path(), &address, name));
    answer(&listener, b"content");
    client.expect(&format!("received 7 bytes from {address}, saved as received-{shown}\n"));
    support::assert_harmless(client.ends_with(0).output.as_bytes());
    assert_eq!(names_in(&folder), [format!("received-{name}")]);
    to_its_end(download(folder.path(), &address, name))
        .assert()
        .code(1)
        .stderr(starts_with(format!("received-{shown} exists already")));
}

#[test]
#[cfg(unix)]
fn the_saved_file_is_one_like_any_other() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, listener, address) = stage();
    let mut client = Terminal::start(download(folder.path(), address, "file"));
    answer(&listener, b"content");
    client.ends_with(0);
    folder.child("ordinary").touch().unwrap();
    let mode = |name: &str| fs::metadata(folder.child(name)).unwrap().permissions().mode();
    assert_eq!(mode("received-file"), mode("ordinary"));
}

#[test]
fn what_is_not_given_is_asked_for() {
    let (folder, listener, address) = stage();
    let mut command = program!("12-download-client", "--timeout", "60");
    command.current_dir(folder.path());
    let mut client = Terminal::start(command);
    client.expect("server [127.0.0.1:7890] >>> ");
    client.type_line("nowhere");
    client.expect_error("the port is missing; an address is HOST:PORT, as in ");
    client.expect("server [127.0.0.1:7890] >>> ");
    client.type_line(&address);
    client.expect("file >>> ");
    client.type_line("模块.txt");
    let (mut server, request) = asked(&listener);
    assert_eq!(request, "模块.txt");
    server.write_all(b"content").unwrap();
    drop(server);
    client.ends_with(0);
    folder.child("received-模块.txt").assert("content");
}

#[test]
fn enter_takes_the_server_in_brackets() {
    let folder = TempDir::new().unwrap();
    // Whoever listens there: there is a file of that name, and nobody is asked.
    folder.child("received-file").touch().unwrap();
    let mut command = program!("12-download-client");
    command.current_dir(folder.path());
    let mut client = Terminal::start(command);
    client.expect("server [127.0.0.1:7890] >>> ");
    client.type_line("");
    client.expect("file >>> ");
    client.type_line("file");
    client.expect_error("received-file exists already");
    client.ends_with(1);
}

#[test]
fn the_end_of_input_at_a_prompt_ends_the_client_cleanly() {
    let (folder, listener, address) = stage();
    let mut asks_both = program!("12-download-client");
    asks_both.current_dir(folder.path());
    to_its_end(asks_both).write_stdin("").assert().success().stderr("");
    let mut asks_name = program!("12-download-client", &address);
    asks_name.current_dir(folder.path());
    to_its_end(asks_name).write_stdin("").assert().success().stderr("");
    let mut asks_both = program!("12-download-client");
    asks_both.current_dir(folder.path());
    to_its_end(asks_both).write_stdin(format!("{address}\n")).assert().success().stderr("");
    nobody_came(&listener);
    assert_empty(&folder);
}

#[test]
#[cfg(unix)]
fn a_name_that_is_not_utf_8_is_wrong_usage() {
    use std::os::unix::ffi::OsStrExt;

    let (folder, listener, address) = stage();
    let name = std::ffi::OsStr::from_bytes(b"\xc4\xa3\xbf\xe9");
    to_its_end(download(folder.path(), address, name))
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicates::str::contains("invalid UTF-8"));
    nobody_came(&listener);
}

#[test]
fn a_file_is_saved_although_nobody_reads_what_is_printed() {
    let (folder, listener, address) = stage();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let command = download(folder.path(), address, "file");
    let mut client = Terminal::start_printing_to(command, Stdio::from(writer));
    answer(&listener, b"content");
    assert_eq!(client.ends_with(0).errors, "");
    folder.child("received-file").assert("content");
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_terminal_the_client_shows_how_much_has_come() {
    let (folder, listener, address) = stage();
    let mut script = std::process::Command::new("script");
    script.args(["-qec", r#"exec "$CLIENT" "$SERVER" file --timeout 60"#, "/dev/null"]);
    script.env("CLIENT", env!("CARGO_BIN_EXE_12-download-client")).env("SERVER", address);
    script.env("TERM", "xterm").current_dir(folder.path());
    if std::process::Command::new("script").arg("--version").output().is_err() {
        support::skipped("there is no script(1) here");
        return;
    }
    let mut terminal = Terminal::start(script);
    let (mut server, _) = asked(&listener);
    server.write_all(&noise(100_000)).unwrap();
    terminal.expect(" received, ");
    drop(server);
    // The line is cleared before the next one is written.
    terminal.expect("\r\x1b[2Kreceived 100000 bytes from ");
    terminal.ends_with(0);
}
