//! An ignored test says what it waits for, and its name says who runs it.

use super::source::Source;
use crate::conformance::SUITES;
use crate::interop::PEERS;

pub(super) fn check(files: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files
        .iter()
        .filter(|f| f.is_rust() && !f.path.starts_with("xtask/"))
    {
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        for (at, line) in lines.iter().enumerate() {
            if let Some(rest) = line.strip_prefix("#[ignore") {
                let function = lines[at..].iter().find_map(|line| function(line));
                if let Some(what) = fault(rest, function.unwrap_or_default(), &file.path) {
                    faults.push(file.fault(at + 1, &what));
                }
            }
        }
    }
    faults
}

fn fault(rest: &str, function: &str, path: &str) -> Option<String> {
    let reason = rest.split('"').nth(1).unwrap_or_default();
    if reason == "conformance" || reason.starts_with("conformance: ") {
        let program = path.rsplit('/').next().unwrap_or_default();
        let known = SUITES.iter().any(|s| program == format!("{}.rs", s.name));
        return (!known).then(|| format!("no suite of `cargo xtask conformance` runs {function}"));
    }
    if reason.starts_with("deep: ") {
        let named = function.starts_with("deep_");
        return (!named)
            .then(|| format!("{function}: `cargo xtask deep` runs what is named deep_…"));
    }
    if !reason.starts_with("interop: ") {
        return Some(
            "an ignored test is `interop: needs PEER` (or what else), `conformance` or `deep: WHY`"
                .into(),
        );
    }
    let known = PEERS.iter().any(|p| {
        let start = format!("interop_{}_", p.name);
        function.starts_with(&start)
    });
    (!known).then(|| format!("{function}: wants a name interop_PEER_… with a peer of interop.rs"))
}

/// The function that a line declares.
fn function(line: &str) -> Option<&str> {
    let rest = line.split_once("fn ")?.1;
    rest.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(reason: &str, function: &str) -> usize {
        let text = format!("#[test]\n#[ignore{reason}]\nasync fn {function}() {{}}\n");
        check(&[Source::new("crates/a/tests/openspf.rs", &text)]).len()
    }

    #[test]
    fn an_ignored_test_that_nobody_would_run_is_a_fault() {
        assert_eq!(with(" = \"interop: needs swaks\"", "interop_swaks_tls"), 0);
        assert_eq!(with(" = \"conformance\"", "anything"), 0);
        assert_eq!(with(" = \"conformance: a suite\"", "anything"), 0);
        assert_eq!(with(" = \"interop: needs swaks\"", "swaks_tls"), 1);
        assert_eq!(
            with(" = \"interop: needs sendmail\"", "interop_sendmail_x"),
            1
        );
        assert_eq!(with(" = \"slow\"", "interop_swaks_slow"), 1);
        assert_eq!(with("", "interop_swaks_bare"), 1);
    }

    #[test]
    fn conformance_elsewhere_than_in_a_suites_program_is_a_fault() {
        let text = "#[ignore = \"conformance\"]\nfn a() {}\n";
        assert_eq!(
            check(&[Source::new("crates/a/tests/other.rs", text)]).len(),
            1
        );
    }
}
