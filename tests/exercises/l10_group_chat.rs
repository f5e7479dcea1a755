use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "10-group-chat",
    title: "Group chat",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/10-group-chat.rs"),
};
