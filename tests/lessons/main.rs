//! The tests of the lessons: each program is started as its reader starts it and talks over loopback.
//! One module a lesson, with the lesson's number; what all programs promise stands in modules of its
//! own.

mod bad_use;
#[cfg(target_os = "linux")]
mod defaults;
mod endings;
mod hostile;
mod l01_send;
mod l02_receive;
mod l03_duplex;
mod l04_menu_chat;
mod l05_take_turns;
mod l06_upper_case;
mod l07_echo;
mod l08_threads;
mod l09_broadcast;
mod l10_group_chat;
mod l11_tcp;
mod l12_downloader;
mod library;

/// A program that runs to its end, as assert_cmd runs it: ended after [`support::PATIENCE`].
fn to_its_end(command: std::process::Command) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::from_std(command);
    command.timeout(support::PATIENCE);
    command
}
