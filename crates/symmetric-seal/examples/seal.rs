//! Seals files with a password, opens them, and says what can be seen of them without: `seal --help`.
//!
//! The password comes from the terminal, or from standard input; never from the command line, where others see it.
//! Exit status: 0 done, 1 not done, 2 for a usage error.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use symmetric_seal::{Commitment, Limits, OpenError, Opener, Passphrase, Profile, Sealer};

const HELP: &str = "\
usage: seal seal    [--profile browser|low-memory|strong] [--armor] [OPTIONS] FILE
       seal open    [--max-size MIB] [OPTIONS] FILE
       seal inspect [--max-size MIB] FILE

seal     writes FILE.pgp, or FILE.asc with --armor
open     writes FILE without .pgp or .asc, after all of it is verified
inspect  says how it is sealed; needs no password

--output FILE     writes there; - is standard output
--password-stdin  the first line of standard input is the password
--max-size MIB    opens messages up to this size (default 1024)

No file is overwritten. The password is asked for twice when sealing.
";

struct Options {
    file: PathBuf,
    output: Option<OsString>,
    password_stdin: bool,
    profile: Profile,
    armor: bool,
    max_size: u64,
}

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command = args.next();
    let command = command.as_deref().and_then(OsStr::to_str).unwrap_or("");
    if matches!(command, "--help" | "-h" | "help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let run = match command {
        "seal" => seal,
        "open" => open,
        "inspect" => inspect,
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    let options = match options(args) {
        Ok(options) => options,
        Err(why) => {
            eprint!("seal: {why}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("seal: {}", told(&*error));
            ExitCode::FAILURE
        }
    }
}

fn options(mut args: impl Iterator<Item = OsString>) -> Result<Options, String> {
    let mut options = Options {
        file: PathBuf::new(),
        output: None,
        password_stdin: false,
        profile: Profile::default(),
        armor: false,
        max_size: 1024,
    };
    let mut file = None;
    while let Some(arg) = args.next() {
        let mut value = || {
            args.next()
                .ok_or_else(|| format!("{}: no value", arg.display()))
        };
        match arg.to_str().unwrap_or("") {
            "--output" => options.output = Some(value()?),
            "--password-stdin" => options.password_stdin = true,
            "--armor" => options.armor = true,
            "--profile" => {
                let name = value()?;
                let named = Profile::NAMED.into_iter();
                let mut named = named.filter(|p| p.name().map(OsStr::new) == Some(&name));
                options.profile = named.next().ok_or("--profile: no such profile")?;
            }
            "--max-size" => {
                let size = value()?.into_string().ok().and_then(|s| s.parse().ok());
                options.max_size = size.ok_or("--max-size: no number of MiB")?;
            }
            text if text.starts_with("--") => return Err(format!("{text}: what is that?")),
            _ if file.is_some() => return Err("one file at a time".into()),
            _ => file = Some(PathBuf::from(arg)),
        }
    }
    options.file = file.ok_or("no file given")?;
    Ok(options)
}

fn seal(options: &Options) -> Outcome {
    let extension = if options.armor { "asc" } else { "pgp" };
    let mut name = options.file.clone().into_os_string();
    name.push(format!(".{extension}"));
    let content = File::open(&options.file)?;
    let length = content.metadata()?;
    let sealer = Sealer::new().profile(options.profile);
    let sealer = if options.armor {
        sealer.armored()
    } else {
        sealer
    };
    let password = password(options, true)?;
    write_to(options, Path::new(&name), |out| {
        // What has a length says so; a pipe has none.
        if !length.is_file() {
            sealer.seal_stream(content, out, &password)?;
            return Ok(());
        }
        let mut writer = sealer.start_sized(out, &password, length.len())?;
        io::copy(&mut &content, &mut writer)?;
        writer.finish()?;
        Ok(())
    })
}

fn open(options: &Options) -> Outcome {
    let message = File::open(&options.file)?;
    let stem = options.file.with_extension("");
    let known = options
        .file
        .extension()
        .is_some_and(|e| e == "pgp" || e == "asc");
    if !known && options.output.is_none() {
        return Err("the name does not end in .pgp or .asc: say where to with --output".into());
    }
    let opener = opener(options);
    let password = password(options, false)?;
    let mut reader = opener.open_seekable(message, &password)?;
    if reader.commitment() != Commitment::Bound {
        eprintln!("seal: written by another tool, which does not bind a message to its key");
    }
    write_to(options, &stem, |mut out| {
        io::copy(&mut reader, &mut out)?;
        Ok(())
    })
}

fn inspect(options: &Options) -> Outcome {
    let mut message = Vec::new();
    let most = opener_size(options).saturating_add(1);
    File::open(&options.file)?
        .take(most)
        .read_to_end(&mut message)?;
    let seen = opener(options).inspect(&message)?;
    let cost = seen.parameters().cost();
    let name = cost.name().unwrap_or("none of the named ones");
    println!("profile    {name}: {cost}");
    println!(
        "mode       {:?}, chunks of {} octets",
        seen.mode(),
        seen.chunk()
    );
    println!("encrypted  {} octets", seen.encrypted_length());
    println!(
        "form       {}",
        if seen.is_armored() {
            "armored"
        } else {
            "binary"
        }
    );
    Ok(())
}

fn opener_size(options: &Options) -> u64 {
    options.max_size.saturating_mul(1 << 20)
}

fn opener(options: &Options) -> Opener {
    let mut limits = Limits::default();
    limits.max_message = opener_size(options);
    limits.max_plaintext = limits.max_message;
    Opener::new().limits(limits)
}

/// Checked when a message is sealed with it, and only mapped when one is opened.
fn password(options: &Options, sealing: bool) -> Outcome<Passphrase> {
    let password = if options.password_stdin {
        // A line feed, or both ends of line, are not of the password; white space is.
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        line.strip_suffix('\r').unwrap_or(line).to_owned()
    } else {
        rpassword::prompt_password("password: ")?
    };
    if sealing && !options.password_stdin && rpassword::prompt_password("again: ")? != password {
        return Err("these are two passwords".into());
    }
    match sealing {
        true => Ok(Passphrase::for_sealing(&password)?),
        false => Ok(Passphrase::for_opening(&password)),
    }
}

/// Writes a new file that is complete when it is there, or to standard output.
fn write_to(
    options: &Options,
    default: &Path,
    write: impl FnOnce(&mut dyn Write) -> Outcome,
) -> Outcome {
    let path = match &options.output {
        Some(output) if output == "-" => return write(&mut io::stdout().lock()),
        Some(output) => Path::new(output),
        None => default,
    };
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.map_err(|why| format!("{}: {why}", path.display()))?;
    let written = write(&mut file).and_then(|()| Ok(file.sync_all()?));
    if written.is_err() {
        // It is ours, and half a file is none.
        std::fs::remove_file(path)?;
    }
    written
}

/// An error with its reasons.
fn told(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(&format!(": {error}"));
        next = error.source();
    }
    let open = error.downcast_ref::<OpenError>();
    if let Some(why) = open.and_then(OpenError::refusal) {
        text.push_str(&format!(" ({})", why.code()));
    }
    text
}
