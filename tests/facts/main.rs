//! Each row of what the book says about Linux and Rust, as a test.
