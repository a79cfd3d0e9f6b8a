//! What every published crate carries.

use super::source::Source;
use crate::workspace::Package;

const CARRIES: &[&str] = &["README.md", "CHANGELOG.md"];

pub(super) fn check(packages: &[Package], files: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for package in packages.iter().filter(|p| p.published) {
        for name in CARRIES {
            let path = package.dir.join(name).display().to_string();
            if !files
                .iter()
                .any(|f| f.path == path && !f.text.trim().is_empty())
            {
                faults.push(format!("{path}: missing"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_without_a_changelog_is_a_fault() {
        let package = Package {
            dir: "crates/a".into(),
            published: true,
            ..Package::default()
        };
        let readme = Source::new("crates/a/README.md", "# a");
        let log = Source::new("crates/a/CHANGELOG.md", "# Changes");
        let both = [readme.clone(), log];
        assert!(check(std::slice::from_ref(&package), &both).is_empty());
        assert_eq!(check(&[package], &[readme]).len(), 1);
    }
}
