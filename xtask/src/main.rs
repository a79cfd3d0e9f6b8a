//! One door to everything that this project does.
fn main() {}
