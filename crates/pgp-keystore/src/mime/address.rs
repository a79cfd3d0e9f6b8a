//! Addresses in header fields (RFC 5322 §3.4).

/// How deep comments may stand in each other.
const MAX_COMMENTS: usize = 32;

/// The addresses of a field, without names; those of groups, too. `None` if it cannot be read in one way only.
pub(super) fn addresses(value: &[u8]) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut one = One::default();
    let mut grouped = false;
    let mut rest = value.iter().copied();
    while let Some(octet) = rest.next() {
        match octet {
            b'"' => one.put(&quoted(&mut rest)?),
            b'(' => {
                comment(&mut rest)?;
                one.blank();
            }
            b'[' if one.text.contains('@') => {
                let mut literal = vec![b'['];
                for octet in rest.by_ref() {
                    literal.push(octet);
                    if octet == b']' {
                        break;
                    }
                }
                one.put(str::from_utf8(literal.strip_suffix(b"]").map(|_| &literal[..])?).ok()?);
            }
            b'<' if one.angle == Angle::None => one.open(),
            b'>' if one.angle == Angle::Open => one.angle = Angle::Closed,
            b',' if one.angle != Angle::Open => found.extend(one.take()?),
            b':' if !grouped && one.angle == Angle::None => {
                grouped = true;
                one = One::default();
            }
            b';' if grouped && one.angle != Angle::Open => {
                grouped = false;
                found.extend(one.take()?);
            }
            b' ' | b'\t' | b'\r' | b'\n' => one.blank(),
            b'<' | b'>' | b':' | b';' | b')' | b'[' | b']' | 0..=31 | 127 => return None,
            _ => {
                let mut text = vec![octet];
                // Of UTF-8 the whole character (RFC 6532 §3.2).
                let more = match octet {
                    0xc2..=0xdf => 1,
                    0xe0..=0xef => 2,
                    0xf0..=0xf4 => 3,
                    0x80..=0xff => return None,
                    _ => 0,
                };
                text.extend(rest.by_ref().take(more));
                one.put(str::from_utf8(&text).ok()?);
            }
        }
    }
    if grouped {
        return None;
    }
    found.extend(one.take()?);
    Some(found)
}

/// The address of a field that has exactly one.
pub(super) fn only(value: &[u8]) -> Option<String> {
    match addresses(value)?.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Angle {
    #[default]
    None,
    Open,
    Closed,
}

/// A mailbox in the making.
#[derive(Debug, Default)]
struct One {
    text: String,
    angle: Angle,
    /// A blank came after something: what follows is another word.
    gap: bool,
    broken: bool,
    name: bool,
}

impl One {
    fn put(&mut self, text: &str) {
        // Blanks within an address are of the obsolete syntax, and only around dots and `@`.
        if self.gap && self.angle == Angle::None && !self.text.is_empty() {
            let joins = |c: char| matches!(c, '.' | '@');
            self.name |= !(self.text.ends_with(joins) || text.starts_with(joins));
        }
        if self.gap && self.angle == Angle::Open && !self.text.is_empty() {
            let joins = |c: char| matches!(c, '.' | '@');
            self.broken |= !(self.text.ends_with(joins) || text.starts_with(joins));
        }
        self.broken |= self.angle == Angle::Closed;
        self.gap = false;
        self.text.push_str(text);
    }

    fn blank(&mut self) {
        self.gap = true;
    }

    fn open(&mut self) {
        *self = Self {
            angle: Angle::Open,
            ..Self::default()
        };
    }

    /// Nothing between two commas is of the obsolete syntax.
    fn take(&mut self) -> Option<Option<String>> {
        let one = std::mem::take(self);
        if one.text.is_empty() && one.angle == Angle::None {
            return Some(None);
        }
        let words = one.angle == Angle::None && one.name;
        if one.broken || words || one.angle == Angle::Open {
            return None;
        }
        is_address(&one.text).then_some(Some(one.text))
    }
}

/// `local@domain`, the local part a dot-atom or a quoted string.
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let atom = |text: &str| {
        let good = |c: char| {
            c.is_ascii_alphanumeric()
                || "!#$%&'*+-/=?^_`{|}~".contains(c)
                || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
        };
        !text.is_empty()
            && text
                .split('.')
                .all(|a| !a.is_empty() && a.chars().all(good))
    };
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let literal = domain.len() > 2 && domain.starts_with('[') && domain.ends_with(']');
    text.len() <= 320 && (atom(local) || quoted) && (atom(domain) || literal)
}

/// With its quotes; what needs none is written without.
fn quoted(rest: &mut impl Iterator<Item = u8>) -> Option<String> {
    let mut out = vec![b'"'];
    loop {
        match rest.next()? {
            b'"' => break,
            b'\\' => {
                out.push(b'\\');
                out.push(rest.next()?);
            }
            b'\r' | b'\n' => {}
            octet => out.push(octet),
        }
    }
    out.push(b'"');
    let text = String::from_utf8(out).ok()?;
    let bare = text.trim_matches('"');
    match is_address(&format!("{bare}@x")) && !bare.contains('\\') {
        true => Some(bare.to_owned()),
        false => Some(text),
    }
}

fn comment(rest: &mut impl Iterator<Item = u8>) -> Option<()> {
    let mut depth = 1;
    while depth > 0 {
        match rest.next()? {
            b'(' if depth == MAX_COMMENTS => return None,
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => drop(rest.next()?),
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<String>> {
        addresses(text.as_bytes())
    }

    #[test]
    fn addresses_are_read_in_all_their_forms() {
        for text in [
            "a@b.example",
            " Ann <a@b.example>",
            "\"Ann, of <x@y.example>\" <a@b.example> (on holiday)",
            "(x@y.example) a@b.example",
            "=?utf-8?q?x=40y?= <a@b.example>",
            "Ann\r\n <a@b.example>",
            "a @ b . example",
            "\"a\"@b.example",
            "Friends: a@b.example;",
            ",, a@b.example,",
            "<a@b.example>",
            "Ann O. <a@b.example>",
        ] {
            assert_eq!(read(text), Some(vec!["a@b.example".to_owned()]), "{text}");
        }
        let two = read("Ann <a@b.example>, Bob: b@c.example, \"x y\"@d.example;").unwrap();
        assert_eq!(two, ["a@b.example", "b@c.example", "\"x y\"@d.example"]);
        assert_eq!(read("ä@ö.example"), Some(vec!["ä@ö.example".to_owned()]));
        assert_eq!(
            read("a@[192.0.2.1]"),
            Some(vec!["a@[192.0.2.1]".to_owned()])
        );
        assert_eq!(only(b"a@b.example, c@d.example"), None);
    }

    #[test]
    fn what_two_readers_would_read_differently_is_none() {
        for text in [
            "a@b.example <c@d.example> e@f.example",
            "Ann <a@b.example> <c@d.example>",
            "Ann <a@b.example",
            "\"Ann <a@b.example>",
            "a@b.example c@d.example",
            "(a@b.example",
            "Ann",
            "a@",
            "@b.example",
            "<a b@c.example>",
            "a@b@c.example>",
            "x: y: a@b.example;",
            "x: a@b.example",
            "a@b.example\0",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        // The route of the obsolete syntax is none of ours.
        assert_eq!(read("<@x.example:a@b.example>"), None);
    }
}
