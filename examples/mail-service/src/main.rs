//! A small but real mail service.
fn main() {}
