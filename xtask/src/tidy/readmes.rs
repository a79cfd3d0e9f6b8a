//! A README's Rust is compiled and run: its library includes it as documentation.

use super::source::Source;
use crate::workspace::Package;

pub(super) fn check(packages: &[Package], files: &[Source]) -> Vec<String> {
    let find = |path: &str| files.iter().find(|f| f.path == path);
    let mut faults = Vec::new();
    // The workspace's README belongs to no library; the benches, which know all the crates, run it.
    let root = (
        "README.md".to_owned(),
        "benches/lib.rs".to_owned(),
        "../README.md",
    );
    let libraries = packages.iter().filter(|p| p.published && p.has_lib());
    let libraries = libraries.map(|p| {
        let dir = p.dir.display();
        (
            format!("{dir}/README.md"),
            format!("{dir}/src/lib.rs"),
            "../README.md",
        )
    });
    for (readme, library, include) in libraries.chain([root]) {
        let Some(readme) = find(&readme) else {
            faults.push(format!("{readme}: missing"));
            continue;
        };
        let wanted = format!("include_str!(\"{include}\")");
        if !find(&library).is_some_and(|library| library.text.contains(&wanted)) {
            faults.push(format!(
                "{library}: does not compile {} ({wanted})",
                readme.path
            ));
        }
        faults.extend(
            readme
                .lines()
                .filter(|(_, line)| is_unchecked(line))
                .map(|(at, _)| readme.fault(at, "an example that nobody compiles")),
        );
    }
    faults
}

fn is_unchecked(line: &str) -> bool {
    let info = line.trim().strip_prefix("```").unwrap_or_default();
    let mut words = info.split(',').map(str::trim);
    words.clone().next() == Some("rust") && words.any(|word| word == "ignore")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(library: &str, readme: &str) -> Vec<String> {
        let package = Package {
            name: "a".into(),
            dir: "crates/a".into(),
            published: true,
            targets: vec![("lib".into(), "a".into())],
            ..Package::default()
        };
        let include = "#![doc = include_str!(\"../README.md\")]";
        let files = [
            Source::new("README.md", ""),
            Source::new("benches/lib.rs", include),
            Source::new("crates/a/README.md", readme),
            Source::new("crates/a/src/lib.rs", library),
        ];
        check(&[package], &files)
    }

    #[test]
    fn a_readme_that_nothing_compiles_is_a_fault() {
        let include = "#![doc = include_str!(\"../README.md\")]";
        assert!(with(include, "```rust\n1;\n```").is_empty());
        assert_eq!(with("", "").len(), 1);
        assert_eq!(with(include, "```rust,ignore\n1;\n```").len(), 1);
    }
}
