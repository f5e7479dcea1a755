use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "06-upper-case",
    title: "Upper case",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/06-upper-case.rs"),
};
