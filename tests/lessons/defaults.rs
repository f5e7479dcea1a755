//! Every program runs with no argument at all, on the address of its lesson. Each pair has a network
//! namespace of its own, so that no port is busy and no two tests meet.

use std::process::Command;

use support::{Terminal, program};

use crate::to_its_end;

/// Starts the program in a new network namespace; `None`, and said so, where nobody may make one.
fn start_apart(command: &Command) -> Option<Terminal> {
    let possible = Command::new("unshare").args(["-rn", "ip", "link", "set", "lo", "up"]).status();
    if !possible.is_ok_and(|status| status.success()) {
        support::skipped("no network namespace to be had (unshare -rn, ip)");
        return None;
    }
    let mut apart = Command::new("unshare");
    // The shell brings the loopback up and becomes the program, under the same process number.
    apart.args(["-rn", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    apart.arg(command.get_program()).args(command.get_args());
    Some(Terminal::start(apart))
}

/// The command, to be run in the network namespace of a program that runs already.
fn beside(program: &Terminal, command: &Command) -> Command {
    let process = program.process_id().to_string();
    let mut beside = Command::new("nsenter");
    beside.args(["--user", "--net", "--preserve-credentials", "--target", &process]);
    beside.arg(command.get_program()).args(command.get_args());
    beside
}

#[test]
fn lessons_01_and_02_meet() {
    let Some(mut receiver) = start_apart(&program!("02-receive")) else { return };
    assert_eq!(receiver.line(), "listening on 127.0.0.1:7878");
    to_its_end(beside(&receiver, &program!("01-send"))).assert().success();
    assert!(receiver.line().ends_with(": 123"));
    receiver.ends_with(0);
}

#[test]
fn the_bound_variant_of_lesson_01_sends_from_7879() {
    let Some(mut receiver) = start_apart(&program!("02-receive")) else { return };
    receiver.listening();
    let bound = program!("01-send", "127.0.0.1:7878", "123", "--bind", "127.0.0.1:7879");
    to_its_end(beside(&receiver, &bound))
        .assert()
        .success()
        .stdout("sent 3 bytes from 127.0.0.1:7879 to 127.0.0.1:7878\n");
    assert_eq!(receiver.line(), "from 127.0.0.1:7879: 123");
}

#[test]
fn lessons_03_and_04_send_from_7789_to_7788() {
    let Some(mut receiver) = start_apart(&program!("02-receive", "127.0.0.1:7788")) else { return };
    receiver.listening();
    let mut duplex = Terminal::start(beside(&receiver, &program!("03-duplex")));
    assert_eq!(duplex.line(), "listening on 127.0.0.1:7789");
    duplex.type_line("three");
    assert_eq!(receiver.line(), "from 127.0.0.1:7789: three");

    let Some(mut receiver) = start_apart(&program!("02-receive", "[::1]:7788")) else { return };
    receiver.listening();
    let mut menu = Terminal::start(beside(&receiver, &program!("04-menu-chat", "[::1]:7788")));
    assert_eq!(menu.line(), "listening on [::1]:7789");
    menu.type_line("1");
    menu.type_line("four");
    assert_eq!(receiver.line(), "from [::1]:7789: four");
}

#[test]
fn lesson_05_takes_turns_on_6000() {
    let Some(mut server) = start_apart(&program!("05-turns-server")) else { return };
    assert_eq!(server.line(), "listening on 127.0.0.1:6000");
    let mut client = Terminal::start(beside(&server, &program!("05-turns-client")));
    client.type_line("five");
    server.expect(": five\n>>> ");
}

#[test]
fn lesson_06_serves_on_12345() {
    let Some(mut server) = start_apart(&program!("06-upper-server")) else { return };
    assert_eq!(server.line(), "listening on 127.0.0.1:12345");
    let mut client = Terminal::start(beside(&server, &program!("06-upper-client")));
    client.type_line("six");
    client.expect("from 127.0.0.1:12345: SIX\n");
}

#[test]
fn lesson_07_echoes_on_8080() {
    let Some(mut server) = start_apart(&program!("07-echo-server")) else { return };
    assert_eq!(server.line(), "listening on 127.0.0.1:8080");
    let mut client = Terminal::start(beside(&server, &program!("07-echo-client")));
    client.type_line("seven");
    client.expect("from 127.0.0.1:8080: seven\n");
}

#[test]
fn lesson_08_chats_on_8080() {
    let Some(mut one) = start_apart(&program!("08-threads-chat")) else { return };
    assert_eq!(one.line(), "listening on 127.0.0.1:8080");
    let command = program!("08-threads-chat", "127.0.0.1:8081", "--to", "127.0.0.1:8080");
    let mut two = Terminal::start(beside(&one, &command));
    two.type_line("eight");
    one.expect("from 127.0.0.1:8081: eight\n");
    one.type_line("8");
    two.expect("from 127.0.0.1:8080: 8\n");
    let command = program!("08-threads-chat", "--to", "[::1]:8081");
    let mut six = Terminal::start(beside(&one, &command));
    assert_eq!(six.line(), "listening on [::1]:8080");
}

#[test]
fn lesson_09_broadcasts_to_2425() {
    let Some(mut first) = start_apart(&program!("09-broadcast-receive")) else { return };
    assert_eq!(first.line(), "listening on 0.0.0.0:2425");
    let mut second = Terminal::start(beside(&first, &program!("09-broadcast-receive")));
    assert_eq!(second.line(), "listening on 0.0.0.0:2425");
    to_its_end(beside(&first, &program!("09-broadcast-send"))).assert().success();
    first.expect(": will broadcast\n");
    second.expect(": will broadcast\n");
}

#[test]
fn lesson_10_meets_on_6001() {
    let Some(mut server) = start_apart(&program!("10-group-server")) else { return };
    assert_eq!(server.line(), "listening on 127.0.0.1:6001");
    let mut client = Terminal::start(beside(&server, &program!("10-group-client")));
    client.type_line("/who");
    client.expect("from 127.0.0.1:6001: 1 here: ");
}

#[test]
fn lesson_11_says_hello_word_on_7788() {
    let Some(mut server) = start_apart(&program!("11-tcp-server")) else { return };
    assert_eq!(server.line(), "listening on 127.0.0.1:7788");
    to_its_end(beside(&server, &program!("11-tcp-client"))).assert().success();
    server.expect(": hello word\n");
}

#[test]
fn lesson_12_serves_this_folder_on_7890() {
    let Some(mut server) = start_apart(&program!("12-download-server")) else { return };
    assert_eq!(server.line(), "listening on 127.0.0.1:7890");
    let folder = assert_fs::TempDir::new().unwrap();
    let mut command = beside(&server, &program!("12-download-client"));
    command.current_dir(&folder);
    let mut client = Terminal::start(command);
    client.expect("server [127.0.0.1:7890] >>> ");
    client.type_line("");
    client.expect("file >>> ");
    client.type_line("Cargo.toml");
    client.ends_with(0);
    let saved = std::fs::read(folder.path().join("received-Cargo.toml")).unwrap();
    assert_eq!(saved, std::fs::read("Cargo.toml").unwrap());
    let mut broken = beside(&server, &program!("12-broken-client"));
    broken.current_dir(&folder);
    to_its_end(broken).assert().success();
    let saved = std::fs::read(folder.path().join("received-LICENSE-APACHE")).unwrap();
    assert!(std::fs::read("LICENSE-APACHE").unwrap().starts_with(&saved));
}
