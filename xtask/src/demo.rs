//! The mail service at work.

use crate::run::{Cmd, Outcome};
use crate::{interop, site, tools, workspace};

/// The peer that it shows.
const GPG: &str = "gpg";

pub(crate) fn run(args: &[String]) -> Outcome {
    tools::compiler()?;
    site::run()?;
    // Without it its lines are skipped, and say so; the rest is shown.
    if let Err(why) = interop::usable(GPG) {
        println!("no {GPG} here, so nothing is shown of it: {why}");
    }
    let packages = workspace::packages()?;
    let service = packages.iter().find(|p| p.name == "mail-service");
    let features = service.ok_or("no package `mail-service`")?.select();
    println!("building the mail service (the first time takes some minutes)");
    Cmd::cargo("build")
        .args(["-p", "mail-service"])
        .args(features.iter().cloned())
        .run()?;
    Cmd::cargo("run")
        .args(["--quiet", "-p", "mail-service"])
        .args(features)
        .args(["--", "demo"])
        .args(args.iter().cloned())
        .run()
}
