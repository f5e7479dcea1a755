//! The checks of the exercises: what each promises, how a learner is told what came of it, and how the
//! hand-ins of a class are graded.
//!
//! An exercise is a file of a learner, `lessons/NN-name/exercise.rs`. Its check is a module here with the
//! same number: it starts the program, speaks to it over loopback, and looks at the wire and at the
//! lines that the task asks for, nothing else, so that every right program passes.

pub mod check;
pub mod class;
pub mod compile;
pub mod grade;
pub mod handout;
pub mod learner;
pub mod report;
mod side_by_side;
pub mod stage;

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

use check::Exercise;

/// All exercises, in reading order.
pub const EXERCISES: &[&Exercise] = &[
    &l01_send::EXERCISE,
    &l02_receive::EXERCISE,
    &l03_duplex::EXERCISE,
    &l04_menu_chat::EXERCISE,
    &l05_take_turns::EXERCISE,
    &l06_upper_case::EXERCISE,
    &l07_echo::EXERCISE,
    &l08_threads::EXERCISE,
    &l09_broadcast::EXERCISE,
    &l10_group_chat::EXERCISE,
    &l11_tcp::EXERCISE,
    &l12_downloader::EXERCISE,
];

/// The exercise with this number, written with one digit or two, or as the folder of its lesson.
///
/// # Errors
/// There is none.
pub fn exercise(number: &str) -> Result<&'static Exercise, String> {
    let wanted = format!("{number:0>2}");
    let found = EXERCISES.iter().find(|it| it.number() == wanted || it.folder == number);
    found.copied().ok_or_else(|| {
        let first = EXERCISES.first().map_or("", |it| it.number());
        let last = EXERCISES.last().map_or("", |it| it.number());
        format!("the exercises are {first} to {last}")
    })
}
