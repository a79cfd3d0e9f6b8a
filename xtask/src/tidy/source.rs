//! The files that are committed, or will be.

use std::fs;

use crate::run::{Cmd, Outcome};
use crate::workspace;

/// A text file, by its path from the root.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (path, text) = (path.into(), text.into());
        Self { path, text }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The lines, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    pub(crate) fn fault(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// Every text file that git tracks or would add.
pub(crate) fn all() -> Outcome<Vec<Source>> {
    let list = Cmd::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .output()?;
    let read = |path: &str| {
        // What is no text, or is deleted but not yet staged, has no rules.
        let text = fs::read_to_string(workspace::root().join(path)).ok()?;
        let path = path.to_owned();
        Some(Source { path, text })
    };
    Ok(list.lines().filter_map(read).collect())
}

/// A line of Rust without its `//` comment. A `//` inside a string is taken for one too, but not after `:`, as in a
/// URL.
pub(crate) fn code(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line.get(from..).and_then(|rest| rest.find("//")) {
        if !line[..from + at].ends_with(':') {
            return &line[..from + at];
        }
        from += at + 2;
    }
    line
}

/// Whether `word` stands in `text` by itself.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_no_code_and_urls_no_comments() {
        assert_eq!(code("use a; // b"), "use a; ");
        assert_eq!(code("\"https://a\"; // c"), "\"https://a\"; ");
        assert_eq!(code("/// doc"), "");
    }

    #[test]
    fn a_word_stands_by_itself() {
        assert!(has_word("use rusqlite::x", "rusqlite"));
        assert!(!has_word("my_rusqlite", "rusqlite"));
        assert!(!has_word("rusqlites", "rusqlite"));
    }
}
