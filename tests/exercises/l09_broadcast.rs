use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "09-broadcast",
    title: "Broadcast",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/09-broadcast.rs"),
};
