//! One door to everything that this project does: `cargo xtask help`.

mod backends;
mod bench;
mod ci;
mod conformance;
mod counts;
mod debian13;
mod deep;
mod demo;
mod features;
mod fuzz;
mod interop;
mod openpgp;
mod run;
mod site;
mod suite;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use run::{Absent, Outcome};

const HELP: &str = "\
cargo xtask demo [--exit] [--mail FILE.eml]   build the mail service and show it at work
cargo xtask site                              the pages of the mail service, which it embeds (Node.js and npm)
cargo xtask test [FILTER]                     every test that needs nothing foreign, and quick ones on PostgreSQL
cargo xtask interop [PEER...]                 the tests against real peers (installs them where it may)
cargo xtask conformance [--vectors DIR] [--write]
                                              the public suites
cargo xtask bench [NAME] [-- ARGS]            side-by-side benchmarks (none named: all)
cargo xtask bench --counts [--bless]          instruction counts beside the committed baseline
cargo xtask tidy                              the rules of the house
cargo xtask deep [PART...] [--minutes N]      what takes long: `tests` (fuzzing, many property cases), `long`
                                              (tests of minutes), `openpgp` (all its peers), `certificates`
                                              (a million of them)
cargo xtask ci                                all that has to pass before a change lands
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "help".into());
    // Cargo hands `cargo xtask NAME -- ARGS` over with its `--`.
    let args: Vec<String> = args.skip_while(|arg| arg == "--").collect();
    match dispatch(&name, &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(name: &str, args: &[String]) -> Outcome {
    let absent = Absent::from_env();
    match name {
        "demo" => demo::run(args),
        "site" => site::run(),
        "test" => test::run(args),
        "interop" => interop::run(args, absent),
        "conformance" => conformance::run(args, absent),
        "bench" => bench::run(args, absent),
        "tidy" => tidy::run(),
        "deep" => deep::run(args),
        "ci" => ci::run(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("no such task: {other}\n\n{HELP}").into()),
    }
}
