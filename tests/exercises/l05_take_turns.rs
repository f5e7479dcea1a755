use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "05-take-turns",
    title: "Take turns",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/05-take-turns.rs"),
};
