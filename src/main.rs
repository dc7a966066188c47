//! Entry point of the `ringdown` binary.

fn main() {}
