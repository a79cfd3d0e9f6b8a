//! `copy-store`: from one store to another, while nobody uses them.

use clap::Args;
use mail_service::{Clock, Location};
use record_store::{
    AnyStore,
    copy::{self, Ending},
};
use std::{
    error::Error,
    path::{Path, PathBuf},
};

/// What the command line says.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The store to copy: sqlite:PATH or postgres://USER@HOST/DATABASE.
    from: Location,
    /// The new store, which must be empty, or what an interrupted run of this command left.
    to: Location,
    /// A file whose first line is the password of the database. Otherwise PGPASSWORD is read.
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// For a first run beside the service: the copy stays unfinished, no service starts on it, and a
    /// later run brings what has changed.
    #[arg(long, conflicts_with = "verify")]
    unfinished: bool,
    /// Copy nothing; compare every record of both stores.
    #[arg(long)]
    verify: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { from, to, .. } = arguments;
    let password = arguments.password_file.as_deref();
    if password.is_some() && !from.lacks_password() && !to.lacks_password() {
        return Err("neither store needs a password from a file".into());
    }
    let source = existing(from)?;
    if from == to {
        return Err("both stores are the same".into());
    }
    if arguments.verify {
        existing(to)?;
    } else if let Some(path) = to.path() {
        mail_service::make_private(path)?;
        if std::fs::canonicalize(path)?.to_str() == Some(&source) {
            return Err("both stores are the same".into());
        }
    }
    let open = |location: &Location| location.open(password.filter(|_| location.lacks_password()));
    let (old, new): (AnyStore, AnyStore) = (open(from)?, open(to)?);
    let now = Clock::system().now();
    if arguments.verify {
        let done = copy::verify(&old, &new, now).await?;
        println!(
            "{} records, {} octets: the same in both",
            done.records, done.octets
        );
        return Ok(());
    }
    let mut options = copy::Options::default();
    options.source = source;
    if arguments.unfinished {
        options.ending = Ending::Unfinished;
    }
    let done = copy::run(&old, &new, &options, now).await?;
    println!(
        "{} records, {} octets: the same in both, {} of them written or removed by this run",
        done.records, done.octets, done.changed
    );
    if arguments.unfinished {
        println!("unfinished: stop the service and run this again without --unfinished");
    }
    Ok(())
}

/// A name for a store that must be there: to open a file is to make it, and a mistyped path must not.
fn existing(location: &Location) -> Result<String, Box<dyn Error>> {
    let told = |path: &Path, error| format!("{}: {error}", path.display());
    match location.path() {
        Some(path) => {
            let path = std::fs::canonicalize(path).map_err(|error| told(path, error))?;
            Ok(path.display().to_string())
        }
        None if location.is_shared() => Ok(location.to_string()),
        None => Err("must be sqlite:PATH or postgres://USER@HOST/DATABASE".into()),
    }
}
