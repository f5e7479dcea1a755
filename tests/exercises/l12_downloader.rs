use crate::check::Exercise;

pub const EXERCISE: Exercise = Exercise {
    folder: "12-downloader",
    title: "Downloader",
    promises: &[],
    hints: &[],
    handed_out: include_str!("handed-out/12-downloader.rs"),
};
