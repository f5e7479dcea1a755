use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "03-duplex",
    title: "Duplex",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/03-duplex.rs"),
};
