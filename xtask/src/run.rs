//! Commands: shown as a developer could type them, run, timed.

use std::error::Error;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::workspace;

/// What a task gives: a value, or one line that says what failed and how to see it again.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// What a tool, peer or suite that is not there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// On a developer's machine: a line that says so.
    Told,
    /// In CI: a failure.
    Fails,
}

impl Absent {
    /// `CI=true` asks for everything.
    pub(crate) fn from_env() -> Self {
        match std::env::var("CI").as_deref() {
            Ok("true" | "1") => Self::Fails,
            _ => Self::Told,
        }
    }

    /// Says what is missing, or fails with it.
    pub(crate) fn report(self, what: impl fmt::Display) -> Outcome {
        match self {
            Self::Fails => Err(what.to_string().into()),
            Self::Told => {
                println!("{what}");
                Ok(())
            }
        }
    }
}

/// A command line, run in the workspace's root.
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: String,
    args: Vec<String>,
    envs: Vec<(String, String)>,
}

impl Cmd {
    pub(crate) fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            envs: Vec::new(),
        }
    }

    pub(crate) fn cargo(subcommand: &str) -> Self {
        Self::new("cargo").arg(subcommand)
    }

    pub(crate) fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(crate) fn args<S: Into<String>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl Into<String>) -> Self {
        self.envs.push((key.into(), value.into()));
        self
    }

    /// The same, for what may take longer where others are at work.
    pub(crate) fn patient(self) -> Self {
        let Self {
            program,
            args,
            envs,
        } = self;
        let cmd = Self::new("nice").args(["-n", "15"]).arg(program).args(args);
        Self { envs, ..cmd }
    }

    /// Runs it, with its output where ours goes.
    pub(crate) fn run(&self) -> Outcome {
        println!("$ {self}");
        let status = self
            .command()
            .status()
            .map_err(|e| format!("{self}: {e}"))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("this failed ({status}):\n  {self}").into())
        }
    }

    /// Runs it and gives its standard output; its standard error is shown only on failure.
    pub(crate) fn output(&self) -> Outcome<String> {
        let out = self
            .command()
            .output()
            .map_err(|e| format!("{self}: {e}"))?;
        if out.status.success() {
            return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&out.stderr);
        Err(format!("{said}\nthis failed ({}):\n  {self}", out.status).into())
    }

    /// Runs it and gives all that it said, on both streams; shown only on failure.
    pub(crate) fn said(&self) -> Outcome<String> {
        let out = self
            .command()
            .output()
            .map_err(|e| format!("{self}: {e}"))?;
        let said = [out.stdout, out.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        match out.status.success() {
            true => Ok(said),
            false => Err(format!("{said}\nthis failed ({}):\n  {self}", out.status).into()),
        }
    }

    /// Whether it runs and succeeds; nothing is shown.
    pub(crate) fn succeeds(&self) -> bool {
        self.output().is_ok()
    }

    /// Runs it, shows its output and keeps it too.
    pub(crate) fn tee(&self) -> Outcome<Teed> {
        println!("$ {self}");
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{self}: {e}"))?;
        let text = Mutex::new(String::new());
        let (out, err) = (child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            scope.spawn(|| copy(out, &text));
            scope.spawn(|| copy(err, &text));
        });
        let status = child.wait()?;
        let text = text
            .into_inner()
            .unwrap_or_else(|poison| poison.into_inner());
        Ok(Teed {
            text,
            result: match status.success() {
                true => Ok(()),
                false => Err(format!("this failed ({status}):\n  {self}")),
            },
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(workspace::root());
        // What cargo told us about xtask is not true of the package that the child builds.
        for (key, _) in std::env::vars() {
            if key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_") {
                command.env_remove(key);
            }
        }
        command.env_remove("LD_LIBRARY_PATH").stdin(Stdio::null());
        command.envs(self.envs.iter().map(|(k, v)| (k, v)));
        command
    }
}

impl fmt::Display for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in &self.envs {
            write!(f, "{key}={} ", quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program))?;
        self.args
            .iter()
            .try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Teed {
    pub(crate) text: String,
    pub(crate) result: Result<(), String>,
}

fn copy(from: Option<impl Read>, text: &Mutex<String>) {
    let Some(from) = from else { return };
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        // Nobody reading our output is no reason to stop the command.
        std::io::stdout().write_all(&line).ok();
        if let Ok(mut text) = text.lock() {
            text.push_str(&String::from_utf8_lossy(&line));
        }
        line.clear();
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Steps that all run, though one fails; the table at the end says which.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, Option<String>)>,
}

impl Steps {
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        println!("\n== {name}");
        let start = Instant::now();
        let failure = work().err().map(|e| e.to_string());
        let took = start.elapsed();
        let after = format!("{:.1} s, {}", took.as_secs_f64(), free());
        match &failure {
            None => println!("PASS {name} ({after})"),
            Some(failure) => println!("FAIL {name} ({after})\n{failure}"),
        }
        self.done.push((name.into(), took, failure));
    }

    /// The table, and the failures once more where a developer looks: at the end.
    pub(crate) fn finish(self) -> Outcome {
        println!("\n== summary");
        for (name, took, failure) in &self.done {
            let word = if failure.is_some() { "FAIL" } else { "PASS" };
            println!("{word}  {:7.1} s  {name}", took.as_secs_f64());
        }
        let failed: Vec<_> = self
            .done
            .iter()
            .filter_map(|(name, _, failure)| failure.as_ref().map(|f| format!("{name}: {f}")))
            .collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(failed.join("\n").into())
        }
    }
}

/// The room that is left on the disk: a build that fails for want of it fails in words of its own.
fn free() -> String {
    let df = Cmd::new("df").args(["-h", "--output=avail", "."]).output();
    let avail = df
        .ok()
        .and_then(|said| Some(said.lines().nth(1)?.trim().to_owned()));
    avail.map_or_else(
        || "disk unknown".into(),
        |avail| format!("{avail} of disk left"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_it_is_typed() {
        let cmd = Cmd::new("echo").env("A", "b c").arg("it's").arg("x=1");
        assert_eq!(cmd.to_string(), r"A='b c' echo 'it'\''s' x=1");
    }

    #[test]
    fn a_patient_command_is_the_same_one() {
        let cmd = Cmd::new("echo").env("A", "b").arg("c").patient();
        assert_eq!(cmd.to_string(), "A=b nice -n 15 echo c");
        assert_eq!(cmd.output().unwrap(), "c\n");
    }

    #[test]
    fn a_failing_command_is_repeated() {
        let failure = Cmd::new("false").run().unwrap_err().to_string();
        assert!(failure.ends_with("  false"), "{failure}");
    }

    #[test]
    fn tee_keeps_both_streams() {
        let teed = Cmd::new("sh")
            .args(["-c", "echo a; echo b >&2; exit 3"])
            .tee();
        let teed = teed.unwrap();
        assert!(teed.text.contains("a\n") && teed.text.contains("b\n"));
        assert!(teed.result.is_err());
    }

    #[test]
    fn absent_is_a_failure_only_when_strict() {
        assert!(Absent::Told.report("no swaks").is_ok());
        assert!(Absent::Fails.report("no swaks").is_err());
    }

    #[test]
    fn a_failed_step_does_not_stop_the_next_but_fails_the_whole() {
        let mut steps = Steps::default();
        let mut ran = false;
        steps.step("bad", || Err("broken".into()));
        steps.step("good", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        assert!(steps.finish().is_err());
    }
}
