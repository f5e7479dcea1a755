//! What a client may name: the regular files of one folder. Anything else gets an empty answer, which
//! ends cleanly, and one line in the log that says why.

use std::net::{Shutdown, SocketAddr};

use assert_fs::TempDir;
use assert_fs::prelude::*;
use support::{Terminal, assert_harmless, connect, read_to_end};

use super::{ask, logged, serve};

/// Names a file that must be refused: what the log says of it.
#[track_caller]
fn refused(server: &mut Terminal, address: SocketAddr, name: impl AsRef<[u8]>) -> String {
    let mut client = ask(address, name);
    assert_eq!(String::from_utf8_lossy(&read_to_end(&mut client)), "");
    logged(server, &client)
}

/// Names a file that must be sent: its content.
#[track_caller]
fn sent(server: &mut Terminal, address: SocketAddr, name: &str) -> String {
    let mut client = ask(address, name);
    let content = String::from_utf8(read_to_end(&mut client)).unwrap();
    assert_eq!(logged(server, &client), format!("\"{name}\": sent {} bytes", content.len()));
    content
}

/// A folder with a secret in it, and in that one a folder to be served.
fn folder_beside_a_secret() -> (TempDir, assert_fs::fixture::ChildPath) {
    let outside = TempDir::new().unwrap();
    outside.child("secret").write_str("nobody's business").unwrap();
    let folder = outside.child("served");
    folder.child("sub/file").write_str("in a folder").unwrap();
    folder.child("file").write_str("at the top").unwrap();
    (outside, folder)
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    let (outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    let absolute = outside.child("secret").path().display().to_string();
    for name in ["../secret", "sub/../../secret", "../served/file", "..", "/", &absolute] {
        let why = refused(&mut server, address, name);
        assert!(why.starts_with(&format!("\"{name}\": refused: ")), "{why}");
        assert!(why.ends_with(": leads out of the folder"), "{why}");
    }
    let why = refused(&mut server, address, "a/../../secret");
    assert!(why.starts_with("\"a/../../secret\": refused: "), "{why}");
}

#[test]
#[cfg(unix)]
fn links_that_lead_out_of_the_folder_are_refused() {
    use std::os::unix::fs::symlink;

    let (outside, folder) = folder_beside_a_secret();
    symlink("../secret", folder.child("link")).unwrap();
    symlink("link", folder.child("link-to-link")).unwrap();
    symlink(outside.child("secret").path(), folder.child("absolute")).unwrap();
    // A name that begins at the root is taken for one that leads out, wherever it ends.
    symlink(folder.child("file").path(), folder.child("absolute-inside")).unwrap();
    symlink("..", folder.child("up")).unwrap();
    let (mut server, address) = serve(folder.path());
    for name in ["link", "link-to-link", "absolute", "absolute-inside", "up/secret"] {
        let why = refused(&mut server, address, name);
        let outside = format!("\"{name}\": refused: leads out of the folder");
        assert_eq!(why, outside);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_outside_the_folder_is_opened() {
    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use rustix::io::Errno;
    use std::os::unix::fs::symlink;

    let (outside, folder) = folder_beside_a_secret();
    symlink("../secret", folder.child("link")).unwrap();
    let (mut server, address) = serve(folder.path());
    let secret = outside.child("secret");
    let watch = inotify::init(CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&watch, secret.path(), WatchFlags::OPEN | WatchFlags::ACCESS).unwrap();
    let absolute = secret.path().display().to_string();
    for name in ["../secret", "sub/../../secret", "link", &absolute] {
        refused(&mut server, address, name);
    }
    assert_eq!(rustix::io::read(&watch, &mut [0; 1024]), Err(Errno::AGAIN));
}

#[test]
fn names_that_stay_inside_are_served() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    for (name, content) in [
        ("file", "at the top"),
        ("./file", "at the top"),
        ("sub/file", "in a folder"),
        ("sub/../file", "at the top"),
        ("sub/../sub//file", "in a folder"),
    ] {
        assert_eq!(sent(&mut server, address, name), content, "{name}");
    }
}

#[test]
#[cfg(unix)]
fn links_that_stay_inside_are_served() {
    use std::os::unix::fs::symlink;

    let (_outside, folder) = folder_beside_a_secret();
    symlink("sub/file", folder.child("link")).unwrap();
    symlink("../file", folder.child("sub/link-up")).unwrap();
    symlink("sub", folder.child("folder")).unwrap();
    let (mut server, address) = serve(folder.path());
    for (name, content) in
        [("link", "in a folder"), ("sub/link-up", "at the top"), ("folder/file", "in a folder")]
    {
        assert_eq!(sent(&mut server, address, name), content, "{name}");
    }
}

#[test]
#[cfg(unix)]
fn links_that_go_round_in_circles_are_refused() {
    use std::os::unix::fs::symlink;

    let (_outside, folder) = folder_beside_a_secret();
    symlink("circle", folder.child("circle")).unwrap();
    let (mut server, address) = serve(folder.path());
    let why = refused(&mut server, address, "circle");
    assert!(why.starts_with("\"circle\": refused: Too many levels of symbolic links"), "{why}");
}

#[test]
fn an_unknown_name_is_refused() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    for name in ["missing", "missing/file", "~"] {
        let why = refused(&mut server, address, name);
        assert!(why.starts_with(&format!("\"{name}\": refused: ")), "{why}");
    }
}

#[test]
#[cfg(unix)]
fn a_refusal_is_told_in_the_system_s_own_words() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    for (name, why) in [
        ("missing", "No such file or directory"),
        // A space counts, and a file is no folder.
        ("file ", "No such file or directory"),
        ("file/", "Not a directory"),
    ] {
        assert_eq!(refused(&mut server, address, name), format!("\"{name}\": refused: {why}"));
    }
}

#[test]
fn a_folder_is_refused() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    for name in ["sub", "sub/", "."] {
        assert_eq!(refused(&mut server, address, name), format!("\"{name}\": refused: a folder"));
    }
}

#[test]
#[cfg(unix)]
fn a_fifo_is_refused_and_keeps_nobody_waiting() {
    use std::os::unix::fs::symlink;

    let (_outside, folder) = folder_beside_a_secret();
    super::fifo(&folder.child("fifo"));
    symlink("fifo", folder.child("link")).unwrap();
    let (mut server, address) = serve(folder.path());
    for name in ["fifo", "link"] {
        let why = refused(&mut server, address, name);
        assert_eq!(why, format!("\"{name}\": refused: not a regular file"));
    }
}

#[test]
#[cfg(unix)]
fn a_device_is_refused() {
    let (mut server, address) = serve("/dev");
    for name in ["null", "zero"] {
        let why = refused(&mut server, address, name);
        assert_eq!(why, format!("\"{name}\": refused: not a regular file"));
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_the_server_may_not_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let (_outside, folder) = folder_beside_a_secret();
    let path = folder.child("file");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        support::skipped("whoever runs this may read every file");
        return;
    }
    let (mut server, address) = serve(folder.path());
    let why = refused(&mut server, address, "file");
    assert_eq!(why, "\"file\": refused: Permission denied");
}

#[test]
fn a_name_that_is_not_utf_8_is_refused() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    // 模块.txt in GBK, and the beginning of a character in UTF-8.
    for (name, shown) in [
        (&b"\xc4\xa3\xbf\xe9.txt"[..], r"\xc4\xa3\xbf\xe9.txt"),
        (b"file\xe4\xbd", r"file\xe4\xbd"),
    ] {
        let why = refused(&mut server, address, name);
        assert_eq!(why, format!("no name: refused: not UTF-8: {shown}"));
    }
}

#[test]
fn an_empty_name_is_refused() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    let mut client = connect(address);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_to_end(&mut client), b"");
    assert_eq!(logged(&mut server, &client), "no name: refused: an empty name");
}

#[test]
fn a_name_with_a_nul_is_refused() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    for (name, shown) in [("file\0", r"file\0"), ("\0", r"\0"), ("fi\0le", r"fi\0le")] {
        let why = refused(&mut server, address, name);
        assert_eq!(why, format!("\"{shown}\": refused: a name with a NUL"));
    }
}

#[test]
fn a_name_of_more_than_1024_bytes_is_refused() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    for length in [1025, 2000, 100_000] {
        let why = refused(&mut server, address, "x".repeat(length));
        assert_eq!(why, "no name: refused: longer than 1024 bytes");
    }
}

#[test]
fn a_name_of_1024_bytes_is_served() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    let name = format!("{}file", "./".repeat(510));
    assert_eq!(name.len(), 1024);
    assert_eq!(sent(&mut server, address, &name), "at the top");
}

#[test]
fn no_name_can_drive_the_terminal_or_forge_a_line_of_the_log() {
    let (_outside, folder) = folder_beside_a_secret();
    let (mut server, address) = serve(folder.path());
    for (name, shown) in [
        ("\x1b]0;mine\x07\x1b[2J", r"\u{1b}]0;mine\u{7}\u{1b}[2J"),
        ("x\n1.2.3.4:5 \"file\": sent 10 bytes", r#"x\n1.2.3.4:5 "file": sent 10 bytes"#),
        ("\r\u{85}\u{2028}\u{202e}elif", r"\r\u{85}\u{2028}\u{202e}elif"),
        ("\u{9b}31m\u{7f}", r"\u{9b}31m\u{7f}"),
    ] {
        let why = refused(&mut server, address, name);
        assert!(why.starts_with(&format!("\"{shown}\": refused: ")), "{why}");
    }
    assert_harmless(&server.output());
    assert_eq!(server.errors(), b"");
}
