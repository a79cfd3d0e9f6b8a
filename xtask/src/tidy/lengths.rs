//! A file is split at its second reason to change; its length tells when.

use super::source::Source;

const LONG: usize = 400;
const TOO_LONG: usize = 700;

pub(super) fn check(files: &[Source]) -> Vec<String> {
    over(files, TOO_LONG, usize::MAX)
}

/// Files that want splitting soon.
pub(super) fn warnings(files: &[Source]) -> Vec<String> {
    over(files, LONG, TOO_LONG)
}

fn over(files: &[Source], least: usize, most: usize) -> Vec<String> {
    let length = |file: &Source| file.text.lines().count();
    files
        .iter()
        .filter(|file| file.is_rust() && (least + 1..=most).contains(&length(file)))
        .map(|file| file.fault(length(file), &format!("longer than {least} lines")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_warns_and_then_fails() {
        let of = |lines: usize| [Source::new("a.rs", &"x\n".repeat(lines))];
        assert!(warnings(&of(400)).is_empty() && check(&of(400)).is_empty());
        assert_eq!(warnings(&of(401)).len(), 1);
        assert_eq!((warnings(&of(701)).len(), check(&of(701)).len()), (0, 1));
    }
}
