use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "01-send",
    title: "Send",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/01-send.rs"),
};
