//! The test runner: nextest where it is present, else `cargo test`; and what either of them said.

use crate::run::{Absent, Cmd, Outcome, Teed};
use crate::tools;
use crate::workspace::{self, Package};

/// Which tests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which<'a> {
    /// Those that need nothing foreign, with these words in their names.
    Plain(&'a [String]),
    /// Ignored ones whose function's name starts with one of these.
    Ignored(&'a [String]),
    /// The ignored ones of this test program, with their output shown.
    Program(&'a str),
}

/// A test runner.
#[derive(Debug)]
pub(crate) struct Runner {
    nextest: Option<String>,
    selection: Vec<String>,
    env: Option<(&'static str, String)>,
}

impl Runner {
    /// In CI the pinned nextest is a must.
    pub(crate) fn new(packages: &[Package], absent: Absent) -> Outcome<Self> {
        let nextest = match (tools::in_path("cargo-nextest"), absent) {
            (Some(found), Absent::Told) => Some(found.display().to_string()),
            (None, Absent::Told) => None,
            (_, Absent::Fails) => Some(tools::tool("cargo-nextest")?),
        };
        Ok(Self {
            nextest,
            selection: workspace::everything(packages),
            env: None,
        })
    }

    /// What the tests see in their environment.
    pub(crate) fn env(mut self, key: &'static str, value: String) -> Self {
        self.env = Some((key, value));
        self
    }

    pub(crate) fn run(&self, which: Which<'_>) -> Outcome<Teed> {
        let cmd = match &self.nextest {
            Some(nextest) => self.with_nextest(nextest, which),
            None => self.with_cargo(which),
        };
        match &self.env {
            Some((key, value)) => cmd.env(key, value.clone()).tee(),
            None => cmd.tee(),
        }
    }

    fn with_nextest(&self, nextest: &str, which: Which<'_>) -> Cmd {
        let cmd = Cmd::new(nextest)
            .args(["nextest", "run"])
            .args(self.selection.iter().cloned());
        match which {
            Which::Plain(words) => cmd.args(words.iter().cloned()),
            Which::Ignored(starts) => cmd
                .args(["--run-ignored", "only", "--no-tests", "pass"])
                // The groups of .config/nextest.toml, which mostly wait, run side by side.
                .args(["--test-threads", "4"])
                .args(["-E", &format!("test(/(^|::)({})/)", starts.join("|"))]),
            Which::Program(name) => cmd
                .args(["--run-ignored", "only", "--no-capture"])
                .args(["-E", &format!("binary({name})")]),
        }
    }

    fn with_cargo(&self, which: Which<'_>) -> Cmd {
        let cmd = Cmd::cargo("test")
            .arg("--no-fail-fast")
            .args(self.selection.iter().cloned());
        match which {
            Which::Plain(words) => cmd
                .args(["--lib", "--bins", "--tests", "--examples", "--"])
                .args(words.iter().cloned()),
            Which::Ignored(starts) => cmd
                .args(["--lib", "--bins", "--tests", "--", "--ignored"])
                .args(starts.iter().cloned()),
            Which::Program(name) => cmd.args(["--test", name, "--", "--ignored", "--nocapture"]),
        }
    }
}

/// One test, and whether it passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) name: String,
    pub(crate) passed: bool,
}

/// The tests that a runner reported, each once.
pub(crate) fn results(text: &str) -> Vec<Ran> {
    let mut all: Vec<Ran> = Vec::new();
    for ran in text.lines().filter_map(result) {
        match all.iter_mut().find(|known| known.name == ran.name) {
            // A failure is told again at the end; two programs may hold tests of one name.
            Some(known) => known.passed &= ran.passed,
            None => all.push(ran),
        }
    }
    all
}

fn result(line: &str) -> Option<Ran> {
    let line = line.trim();
    let last = |words: &str| words.split_whitespace().last().map(str::to_owned);
    if let Some(rest) = line.strip_prefix("test ") {
        // libtest: `test module::name ... ok`, with `- should panic` or a reason between.
        let (words, outcome) = rest.rsplit_once(" ... ")?;
        let name = words.split_whitespace().next()?.to_owned();
        let passed = match outcome {
            "ok" => true,
            "FAILED" => false,
            _ => return None,
        };
        return Some(Ran { name, passed });
    }
    // nextest: `PASS [   0.005s] (1/3) package::program module::name`.
    let (word, rest) = line.split_once(" [")?;
    let (_, rest) = rest.split_once(']')?;
    let passed = match word.trim() {
        "PASS" | "LEAK" => true,
        "FAIL" | "TIMEOUT" | "ABORT" | "LEAK-FAIL" => false,
        signal if signal.starts_with("SIG") => false,
        _ => return None,
    };
    let name = last(rest)?;
    Some(Ran { name, passed })
}

/// The line of nextest that sums a run up; of `cargo test`, the sum of its programs' results.
pub(crate) fn summary(text: &str) -> String {
    let nextest = text
        .lines()
        .rev()
        .find(|l| l.trim().starts_with("Summary ["));
    if let Some(line) = nextest {
        return line.into();
    }
    let (mut passed, mut failed) = (0, 0);
    for line in text.lines().filter(|l| l.starts_with("test result: ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        for pair in words.windows(2) {
            let count: usize = pair[0].parse().unwrap_or(0);
            match pair[1] {
                "passed;" => passed += count,
                "failed;" => failed += count,
                _ => {}
            }
        }
    }
    format!("{passed} passed, {failed} failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(name: &str, passed: bool) -> Ran {
        let name = name.into();
        Ran { name, passed }
    }

    #[test]
    fn nextest_is_understood() {
        let text = "\
    Starting 3 tests across 2 binaries (1 test skipped)
        PASS [   0.005s] (1/3) mail-dns name::tests::a
        SLOW [> 60.000s] (2/3) mail-dns b
        FAIL [   0.005s] (2/3) mail-service::e2e interop_swaks_b
     SIGABRT [   0.005s] (3/3) mail-service::e2e c
     Summary [   0.027s] 3 tests run: 1 passed, 2 failed, 1 skipped
        FAIL [   0.005s] (2/3) mail-service::e2e interop_swaks_b
";
        let expected = [
            ran("name::tests::a", true),
            ran("interop_swaks_b", false),
            ran("c", false),
        ];
        assert_eq!(results(text), expected);
        assert!(
            summary(text)
                .trim()
                .starts_with("Summary [   0.027s] 3 tests")
        );
    }

    #[test]
    fn libtest_is_understood() {
        let text = "\
test tests::a ... ok
test b - should panic ... ok
test c ... FAILED
test d ... ignored, interop: needs swaks
test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out
test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out
";
        assert_eq!(
            results(text),
            [ran("tests::a", true), ran("b", true), ran("c", false)]
        );
        assert_eq!(summary(text), "6 passed, 1 failed");
    }

    #[test]
    fn a_name_that_failed_in_one_program_failed() {
        let text = "test a ... FAILED\ntest a ... ok\n";
        assert_eq!(results(text), [ran("a", false)]);
    }
}
