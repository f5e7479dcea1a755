use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "11-tcp",
    title: "TCP",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/11-tcp.rs"),
};
