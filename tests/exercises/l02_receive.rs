use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "02-receive",
    title: "Receive",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/02-receive.rs"),
};
