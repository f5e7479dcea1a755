use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "04-menu-chat",
    title: "Menu chat",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/04-menu-chat.rs"),
};
