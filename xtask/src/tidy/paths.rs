//! Nothing names the folders of somebody's own machine.

use super::source::Source;

/// First parts of paths that exist only where a person works.
const OWN: &[&str] = &["home", "root", "Users", "work"];

pub(super) fn check(files: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files {
        for (at, line) in file.lines() {
            if OWN.iter().any(|name| names_own(line, name)) {
                faults.push(file.fault(at, "names a folder of somebody's machine"));
            }
        }
    }
    faults
}

fn names_own(line: &str, name: &str) -> bool {
    let path = format!("/{name}/");
    let before = |c: char| c.is_ascii_alphanumeric() || "_-./}".contains(c);
    line.match_indices(&path)
        .any(|(at, _)| !line[..at].ends_with(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_of_a_person_is_a_fault() {
        let at = |first: &str| [Source::new("a.md", &format!("see /{first}/x"))];
        assert_eq!(check(&at("home")).len(), 1);
        assert_eq!(check(&at("work")).len(), 1);
        assert!(check(&at("usr")).is_empty());
        let address = ["https://a.example", "home", "x"].join("/");
        assert!(check(&[Source::new("a.md", &address)]).is_empty());
    }
}
