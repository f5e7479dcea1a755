use std::process::Command;

use assert_cmd::assert::Assert;
use assert_fs::TempDir;
use assert_fs::prelude::*;
use predicates::prelude::*;
use support::{Terminal, program};

use crate::tool::{finish, nc, python, reported_port, socat};

/// Sends a name and prints all that comes, up to the end of the stream.
const CLIENT: &str = r#"
import sys
from socket import *

port, name = sys.argv[1:]
client = socket(AF_INET, SOCK_STREAM)
client.connect(("127.0.0.1", int(port)))
client.send(name.encode())
while piece := client.recv(1024):
    sys.stdout.buffer.write(piece)
client.close()
"#;

/// Sends a name and reads once, as the lesson's steps tell it: more than 1024 bytes it never sees.
const CLIENT_THAT_READS_ONCE: &str = r#"
import sys
from socket import *

port, name = sys.argv[1:]
client = socket(AF_INET, SOCK_STREAM)
client.connect(("127.0.0.1", int(port)))
client.send(name.encode())
sys.stdout.buffer.write(client.recv(1024))
client.close()
"#;

/// Sends one client the file that it names, nothing where there is none, and closes.
const SERVER: &str = r#"
from socket import *

listener = socket(AF_INET, SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(5)
print("listening on %s:%d" % listener.getsockname())
client, address = listener.accept()
try:
    with open(client.recv(1024).decode(), "rb") as file:
        client.sendall(file.read())
except FileNotFoundError:
    pass
client.close()
listener.close()
"#;

/// Sends half a MiB and resets the connection.
const SERVER_THAT_BREAKS: &str = r#"
import struct
from socket import *

listener = socket(AF_INET, SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(5)
print("listening on %s:%d" % listener.getsockname())
client, address = listener.accept()
client.recv(1024)
client.sendall(bytes(512 * 1024))
client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
client.close()
"#;

const NAME: &str = "大文件.bin";

/// A folder with a file of more than 3 MiB in it, and the file's content.
fn folder() -> (TempDir, Vec<u8>) {
    let folder = TempDir::new().unwrap();
    // A few bytes more than any buffer's multiple; the same at each run.
    let mut content = vec![0; 3 * 1024 * 1024 + 17];
    fastrand::Rng::with_seed(12).fill(&mut content);
    folder.child(NAME).write_binary(&content).unwrap();
    (folder, content)
}

/// Starts the server on this folder: it, and its port.
fn serve(folder: &TempDir) -> (Terminal, String) {
    let dir = folder.path();
    let command = program!("12-download-server", "127.0.0.1:0", "--dir", dir, "--idle", "30");
    let mut server = Terminal::start(command);
    let port = server.listening().port().to_string();
    (server, port)
}

/// Runs our client in this folder: it asks the server on this port for the file.
fn download(port: u16, name: &str, into: &TempDir) -> Assert {
    let server = format!("127.0.0.1:{port}");
    let mut client = program!("12-download-client", server, name, "--timeout", "30");
    client.current_dir(into.path());
    finish(client)
}

/// Asserts that the client has stored the whole file, and said so.
#[track_caller]
fn saved(client: Assert, folder: &TempDir, content: &[u8]) {
    let report = format!("received {} bytes from ", content.len());
    client.success().stdout(predicate::str::starts_with(report));
    let file = folder.child(format!("received-{NAME}"));
    same(&std::fs::read(&file).expect("the file is there"), content);
}

/// Asserts that two contents are the same, and says where they part instead of printing them.
#[track_caller]
fn same(came: &[u8], content: &[u8]) {
    let parted = came.iter().zip(content).position(|(came, sent)| came != sent);
    assert_eq!(parted, None, "the first byte that differs");
    assert_eq!(came.len(), content.len(), "the length");
}

#[test]
fn nc_fetches_a_file_from_the_12_server_byte_for_byte() {
    let Some(nc) = nc() else { return };
    let (folder, content) = folder();
    let (mut server, port) = serve(&folder);
    same(&nc.run(&["127.0.0.1", &port], NAME), &content);
    server.expect(&format!(" \"{NAME}\": sent {} bytes\n", content.len()));
    // With a half-close behind the name.
    same(&nc.run(&["-N", "127.0.0.1", &port], NAME), &content);
    server.expect(&format!(" \"{NAME}\": sent {} bytes\n", content.len()));
}

#[test]
fn socat_fetches_a_file_from_the_12_server_byte_for_byte() {
    let Some(socat) = socat() else { return };
    let (folder, content) = folder();
    let (mut server, port) = serve(&folder);
    same(&socat.run(&["STDIO", &format!("TCP4:127.0.0.1:{port}")], NAME), &content);
    server.expect(&format!(" \"{NAME}\": sent {} bytes\n", content.len()));
}

#[test]
fn python_fetches_a_file_from_the_12_server_byte_for_byte() {
    let Some(python) = python() else { return };
    let (folder, content) = folder();
    let (_server, port) = serve(&folder);
    same(&python.run(&[CLIENT, &port, NAME], ""), &content);
    assert!(python.run(&[CLIENT, &port, "missing.txt"], "").is_empty());
}

#[test]
fn a_python_client_that_reads_once_gets_a_small_file_from_the_12_server() {
    let Some(python) = python() else { return };
    let (folder, _) = folder();
    folder.child("small.txt").write_str("你好，世界").unwrap();
    let (_server, port) = serve(&folder);
    let came = python.run(&[CLIENT_THAT_READS_ONCE, &port, "small.txt"], "");
    assert_eq!(String::from_utf8_lossy(&came), "你好，世界");
}

#[test]
fn a_python_client_that_leaves_a_file_unread_does_not_disturb_the_12_server() {
    let Some(python) = python() else { return };
    let (folder, content) = folder();
    // More than the buffers of both sockets hold.
    folder.child("huge.bin").write_binary(&vec![7; 64 * 1024 * 1024]).unwrap();
    let (mut server, port) = serve(&folder);
    let came = python.run(&[CLIENT_THAT_READS_ONCE, &port, "huge.bin"], "");
    assert_eq!(came, [7; 1024]);
    server.expect(" \"huge.bin\": cut: the client left after ");
    same(&python.run(&[CLIENT, &port, NAME], ""), &content);
}

/// Starts a server in this folder.
fn start_in(folder: &TempDir, mut server: Command) -> Terminal {
    server.current_dir(folder.path());
    Terminal::start(server)
}

#[test]
fn the_12_client_saves_the_file_that_nc_sends() {
    let Some(_) = nc() else { return };
    let (folder, content) = folder();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec nc -n -l -v -N 127.0.0.1 0 < \"$0\"", NAME]);
    let mut server = start_in(&folder, shell);
    let port = reported_port(&mut server);
    saved(download(port, NAME, &folder), &folder, &content);
    // Nothing stood around the name.
    assert_eq!(server.ends_with(0).output, NAME);
}

#[test]
fn the_12_client_keeps_nothing_of_a_file_behind_which_nc_does_not_close() {
    let Some(_) = nc() else { return };
    let (folder, _) = folder();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec nc -n -l -v 127.0.0.1 0 < \"$0\"", NAME]);
    let mut server = start_in(&folder, shell);
    let address = format!("127.0.0.1:{}", reported_port(&mut server));
    let mut client = program!("12-download-client", &address, NAME, "--timeout", "0.5");
    client.current_dir(folder.path());
    let said = format!("nothing was saved: {address} stopped for 0.5 s");
    finish(client).code(1).stderr(predicate::str::contains(said));
    assert_eq!(names_in(&folder), [NAME]);
}

#[test]
fn the_12_client_saves_the_file_that_socat_sends() {
    let Some(socat) = socat() else { return };
    let (folder, content) = folder();
    // One read of at most 1024 bytes is the name.
    let answer = "SYSTEM:exec cat $(dd bs=1024 count=1)";
    let mut server = start_in(&folder, socat.command(&["TCP4-LISTEN:0,bind=127.0.0.1", answer]));
    let port = reported_port(&mut server);
    saved(download(port, NAME, &folder), &folder, &content);
    server.ends_with(0);
}

#[test]
fn the_12_client_saves_the_file_that_a_python_server_sends() {
    let Some(python) = python() else { return };
    let (folder, content) = folder();
    let mut server = start_in(&folder, python.command(&[SERVER]));
    let port = server.listening().port();
    saved(download(port, NAME, &folder), &folder, &content);
    server.ends_with(0);
}

#[test]
fn the_12_client_says_that_a_python_server_has_nothing_to_send() {
    let Some(python) = python() else { return };
    let (folder, _) = folder();
    let mut server = start_in(&folder, python.command(&[SERVER]));
    let port = server.listening().port();
    let said = "nothing was saved: \"missing.txt\" is missing, refused or empty at ";
    download(port, "missing.txt", &folder).code(1).stderr(predicate::str::starts_with(said));
    server.ends_with(0);
    assert_eq!(names_in(&folder), [NAME]);
}

#[test]
fn the_12_client_keeps_nothing_of_a_file_that_a_python_server_breaks_off() {
    let Some(python) = python() else { return };
    let (folder, _) = folder();
    let mut server = python.start(&[SERVER_THAT_BREAKS]);
    let port = server.listening().port();
    let said = format!("nothing was saved: 127.0.0.1:{port} broke off after ");
    download(port, NAME, &folder).code(1).stderr(predicate::str::starts_with(said));
    assert_eq!(names_in(&folder), [NAME]);
}

/// The names of all files in the folder, hidden ones too.
fn names_in(folder: &TempDir) -> Vec<String> {
    let entries = folder.path().read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
