//! The mail service at work.

use crate::run::{Cmd, Outcome};
use crate::{site, tools};

pub(crate) fn run(args: &[String]) -> Outcome {
    tools::compiler()?;
    site::run()?;
    println!("building the mail service (the first time takes some minutes)");
    Cmd::cargo("build").args(["-p", "mail-service"]).run()?;
    Cmd::cargo("run")
        .args(["--quiet", "-p", "mail-service", "--", "demo"])
        .args(args.iter().cloned())
        .run()
}
