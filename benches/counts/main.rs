//! Hot functions to count instructions of. `counts` lists them, `counts NAME N` runs one N times after its set-up;
//! `cargo xtask bench --counts` does both under Callgrind. One module per crate.

mod breach_check;
mod dane_tlsa;
mod mail_dns;
mod msg_validate;
mod record_store;
mod symmetric_seal;
mod tls_policy;
mod twofactor;

use std::process::ExitCode;

/// A hot function.
#[derive(Clone, Copy)]
struct Count {
    /// `crate/what`.
    name: &'static str,
    /// Sets up, and gives what is to be counted.
    ready: fn() -> Box<dyn FnMut()>,
}

fn main() -> ExitCode {
    let all = [
        breach_check::COUNTS,
        dane_tlsa::COUNTS,
        mail_dns::COUNTS,
        msg_validate::COUNTS,
        record_store::COUNTS,
        symmetric_seal::COUNTS,
        tls_policy::COUNTS,
        twofactor::COUNTS,
    ]
    .concat();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = args.as_slice() else {
        all.iter().for_each(|count| println!("{}", count.name));
        return ExitCode::SUCCESS;
    };
    let count = all.iter().find(|count| count.name == name);
    let (Some(count), Ok(times)) = (count, times.parse()) else {
        eprintln!("usage: counts [NAME N]");
        return ExitCode::FAILURE;
    };
    let mut run = (count.ready)();
    (0u32..times).for_each(|_| run());
    ExitCode::SUCCESS
}
