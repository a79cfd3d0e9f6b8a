//! Address lists (RFC 5322 §3.4, obsolete forms of §4.4, UTF-8 by RFC 6532, groups by RFC 6854):
//! not to deliver to them, but to know every domain that a reader might be shown.

use mail_dns::Name;

/// What a field of addresses holds.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) groups: usize,
    /// Something in it is no address. What looks like one beside it is in `mailboxes` all the
    /// same, because some reader may show it.
    pub(crate) malformed: bool,
}

/// One address.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// The words before the angle bracket, as they stand there, one space between them.
    pub(crate) display: Vec<u8>,
    /// None for an address literal such as `[192.0.2.1]`, and for what is no domain.
    pub(crate) domain: Option<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// RFC 5322 §3.2.3, octets from 128 on included (RFC 6532 §3.2).
    Atom(Vec<u8>),
    /// RFC 5322 §3.2.4, without the quotes and backslashes.
    Quoted(Vec<u8>),
    /// RFC 5322 §3.4.1.
    Literal,
    /// One of `<>@,;:.`
    Special(u8),
    /// What can be no part of an address.
    Bad,
}

impl Addresses {
    /// Reads the value of a field, folds and all. More than `limit` addresses are malformed.
    pub(crate) fn parse(value: &[u8], limit: usize) -> Self {
        let tokens = tokens(value);
        let mut parser = Parser {
            rest: &tokens,
            found: Self::default(),
        };
        parser.list(limit);
        parser.found
    }
}

struct Parser<'t> {
    rest: &'t [Token],
    found: Addresses,
}

impl<'t> Parser<'t> {
    fn list(&mut self, limit: usize) {
        let mut in_group = false;
        while let Some(token) = self.rest.first() {
            if self.found.mailboxes.len() > limit {
                self.found.malformed = true;
                return;
            }
            match token {
                // RFC 5322 §4.4, obs-addr-list: elements may be empty.
                Token::Special(b',') => self.skip(),
                Token::Special(b';') => {
                    self.found.malformed |= !in_group;
                    in_group = false;
                    self.skip();
                }
                _ => {
                    let group = self.address();
                    self.found.malformed |= group && in_group; // groups do not nest
                    in_group |= group;
                }
            }
        }
        self.found.malformed |= in_group;
    }

    /// One mailbox, or the name of a group and its colon: then it is `true`.
    fn address(&mut self) -> bool {
        let words = self
            .take_while(|t| matches!(t, Token::Atom(_) | Token::Quoted(_) | Token::Special(b'.')));
        match self.rest.first() {
            Some(Token::Special(b':')) if !words.is_empty() => {
                self.skip();
                self.found.groups += 1;
                return true;
            }
            Some(Token::Special(b'@')) => {
                self.found.malformed |= !is_local_part(words);
                self.skip();
                self.domain(Vec::new());
            }
            Some(Token::Special(b'<')) => {
                self.skip();
                self.angle(phrase(words));
            }
            _ => self.found.malformed = true,
        }
        // Whatever stands before the next comma does not belong there; what looks like an address
        // in it is kept.
        if !matches!(self.rest.first(), None | Some(Token::Special(b',' | b';'))) {
            self.found.malformed = true;
            if !matches!(
                self.rest.first(),
                Some(Token::Atom(_) | Token::Quoted(_) | Token::Special(b'<'))
            ) {
                self.skip();
            }
        }
        false
    }

    /// After `<`: a route (RFC 5322 §4.4, which "SHOULD be ignored"), an address, and `>`.
    fn angle(&mut self, display: Vec<u8>) {
        if matches!(self.rest.first(), Some(Token::Special(b'@' | b','))) {
            let route = self.take_while(|t| {
                matches!(
                    t,
                    Token::Atom(_) | Token::Literal | Token::Special(b'.' | b'@' | b',')
                )
            });
            let ends_well = self.rest.first() == Some(&Token::Special(b':'));
            self.found.malformed |= route.is_empty() || !ends_well;
            if ends_well {
                self.skip();
            }
        }
        let local = self
            .take_while(|t| matches!(t, Token::Atom(_) | Token::Quoted(_) | Token::Special(b'.')));
        self.found.malformed |= !is_local_part(local);
        if self.rest.first() == Some(&Token::Special(b'@')) {
            self.skip();
            self.domain(display);
        } else {
            self.found.malformed = true;
        }
        if self.rest.first() == Some(&Token::Special(b'>')) {
            self.skip();
        } else {
            self.found.malformed = true;
        }
    }

    /// After `@`: a domain or a literal, which ends a mailbox.
    fn domain(&mut self, display: Vec<u8>) {
        let domain = if self.rest.first() == Some(&Token::Literal) {
            self.skip();
            None
        } else {
            let parts = self.take_while(|t| matches!(t, Token::Atom(_) | Token::Special(b'.')));
            let domain = domain(parts);
            self.found.malformed |= domain.is_none();
            domain
        };
        self.found.mailboxes.push(Mailbox { display, domain });
    }

    fn take_while(&mut self, wanted: impl Fn(&Token) -> bool) -> &'t [Token] {
        let end = self.rest.iter().position(|t| !wanted(t));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }
}

/// RFC 5322 §3.4.1 and §4.4: words with a dot between them.
fn is_local_part(tokens: &[Token]) -> bool {
    let dot = &Token::Special(b'.');
    tokens.len() % 2 == 1
        && tokens
            .iter()
            .enumerate()
            .all(|(i, token)| (i % 2 == 1) == (token == dot))
}

/// Atoms with a dot between them, as a name.
fn domain(tokens: &[Token]) -> Option<Name> {
    if !is_local_part(tokens) {
        return None;
    }
    let mut text = Vec::new();
    for token in tokens {
        match token {
            Token::Atom(atom) => text.extend_from_slice(atom),
            _ => text.push(b'.'),
        }
    }
    // RFC 9989 §5.3.1: a UTF-8 domain is compared as A-labels.
    Name::from_unicode(std::str::from_utf8(&text).ok()?).ok()
}

fn phrase(words: &[Token]) -> Vec<u8> {
    let mut text = Vec::new();
    for word in words {
        match word {
            Token::Atom(word) | Token::Quoted(word) => {
                if !matches!(text.last(), None | Some(b'.')) {
                    text.push(b' ');
                }
                text.extend_from_slice(word);
            }
            _ => text.push(b'.'),
        }
    }
    text
}

/// Cuts a value into tokens; white space, folds and comments lie between them.
fn tokens(value: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    // Openings whose end was once looked for in vain: nobody looks again, so that the time stays
    // linear.
    let mut unclosed: Vec<u8> = Vec::new();
    while let Some(&octet) = value.get(at) {
        let closed = match octet {
            b' ' | b'\t' | b'\r' | b'\n' => {
                at += 1;
                continue;
            }
            _ if unclosed.contains(&octet) => None,
            b'(' => comment(value, at).map(|end| (None, end)),
            b'"' => delimited(value, at + 1, b'"').map(|(t, end)| (Some(Token::Quoted(t)), end)),
            b'[' => delimited(value, at + 1, b']').map(|(_, end)| (Some(Token::Literal), end)),
            b'<' | b'>' | b'@' | b',' | b';' | b':' | b'.' => {
                Some((Some(Token::Special(octet)), at + 1))
            }
            _ => {
                let rest = value.get(at..).unwrap_or_default();
                let len = rest.iter().take_while(|&&o| is_atext(o)).count();
                let atom = rest.get(..len).filter(|atom| !atom.is_empty());
                atom.map(|atom| (Some(Token::Atom(atom.to_vec())), at + len))
            }
        };
        let (token, end) = closed.unwrap_or_else(|| {
            if matches!(octet, b'(' | b'"' | b'[') && !unclosed.contains(&octet) {
                unclosed.push(octet);
            }
            (Some(Token::Bad), at + 1)
        });
        tokens.extend(token);
        at = end;
    }
    tokens
}

/// RFC 5322 §3.2.3, extended by RFC 6532 §3.2.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

/// The position after a comment that begins at `start`; comments nest (RFC 5322 §3.2.2).
pub(crate) fn comment(value: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match value.get(at)? {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The text up to `end`, quoted pairs undone and folds removed, and the position after it.
pub(crate) fn delimited(value: &[u8], start: usize, end: u8) -> Option<(Vec<u8>, usize)> {
    let mut text = Vec::new();
    let mut at = start;
    loop {
        match *value.get(at)? {
            b'\\' => {
                at += 1;
                text.push(*value.get(at)?);
            }
            b'\r' | b'\n' => {}
            octet if octet == end => return Some((text, at + 1)),
            octet => text.push(octet),
        }
        at += 1;
    }
}
