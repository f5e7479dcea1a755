use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "08-threads",
    title: "Threads",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/08-threads.rs"),
};
