//! Every fuzz target is built and starts from seeds.

use super::source::Source;
use crate::fuzz;

const MANIFEST: &str = "fuzz/Cargo.toml";

pub(super) fn check(files: &[Source], seeds: impl Fn(&str) -> bool) -> Vec<String> {
    let manifest = files.iter().find(|f| f.path == MANIFEST);
    let named = match manifest.map(|f| fuzz::targets(&f.text)) {
        Some(Ok(named)) => named,
        Some(Err(error)) => return vec![format!("{MANIFEST}: {error}")],
        None => return vec![format!("{MANIFEST}: missing")],
    };
    let mut faults = Vec::new();
    for file in files {
        let name = file.path.strip_prefix("fuzz/fuzz_targets/");
        let Some(name) = name.and_then(|name| name.strip_suffix(".rs")) else {
            continue;
        };
        // A file in a folder is a part of a target, not one.
        if !name.contains('/') && !named.iter().any(|n| n == name) {
            faults.push(format!("{}: no [[bin]] in {MANIFEST}", file.path));
        }
    }
    let seedless = named.iter().filter(|name| !seeds(name));
    faults.extend(seedless.map(|name| format!("fuzz/seeds/{name}: no seed")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_not_built_or_has_no_seed_is_a_fault() {
        let manifest = Source::new(MANIFEST, "[[bin]]\nname = \"a\"\n");
        let a = Source::new("fuzz/fuzz_targets/a.rs", "");
        let b = Source::new("fuzz/fuzz_targets/b.rs", "");
        assert!(check(&[manifest.clone(), a.clone()], |_| true).is_empty());
        assert_eq!(check(&[manifest.clone(), a.clone(), b], |_| true).len(), 1);
        assert_eq!(check(&[manifest, a], |_| false).len(), 1);
    }
}
