//! Which ranges are kept: a log of lines, each with a checksum.
//!
//! ```text
//! breach-check ranges 1 sha1 0123456789abcdef
//! least 80 CRC                                  what a range must have, in percent
//! pass CRC                                      all are to be asked for again
//! range 5BAA6 first 2143 38211 9ae1c0de "etag" CRC
//! same 5BAA6 CRC                                asked for, and unchanged
//! end CRC                                       none is left to ask for
//! ```
//!
//! A line counts if all before it are whole; what is behind the first that is not, is not there.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

use crate::{HashKind, Range};

/// Longest line, in octets.
const MAX_LINE: u64 = 512;

/// How many lines a range must have, that a download counts as fetched: in percent of what it had before or, the first
/// time, of the median of the ranges that are known. Of the real ranges, none is known to lack a fifth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completeness {
    percent: u8,
}

impl Completeness {
    /// So many percent, 1 to 100.
    #[must_use]
    pub fn percent(percent: u8) -> Option<Self> {
        (1..=100).contains(&percent).then_some(Self { percent })
    }

    /// Any number of lines will do, even none: for sets so small that ranges differ in size by chance.
    #[must_use]
    pub fn unchecked() -> Self {
        Self { percent: 0 }
    }

    /// The least number of lines.
    pub(super) fn least(self, of: u32) -> u32 {
        let least = (u64::from(of) * u64::from(self.percent)).div_ceil(100);
        // A range without any line is not known to be one.
        let least = least.max(u64::from(self.percent > 0));
        u32::try_from(least).unwrap_or(u32::MAX)
    }
}

/// 80 percent.
impl Default for Completeness {
    fn default() -> Self {
        Self { percent: 80 }
    }
}

/// What is known of a range that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// How many lines it has that are no padding.
    pub(super) lines: u32,
    /// Of its file.
    pub(super) octets: u32,
    /// CRC32C of its file.
    pub(super) checksum: u32,
    /// Nothing was known of it before.
    pub(super) is_first: bool,
    pub(super) etag: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Least(Completeness),
    Pass,
    Range(Range, Entry),
    Same(Range),
    End,
}

/// The state that the lines of a log make.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kind: HashKind,
    /// Another after each time that the log was written anew.
    pub(super) id: u64,
    pub(super) completeness: Completeness,
    entries: BTreeMap<Range, (Entry, u32)>,
    /// How many ranges have so many lines.
    sizes: BTreeMap<u32, u32>,
    /// The least that a range must have of which nothing was known before.
    least: u32,
    pass: u32,
    is_ended: bool,
    /// How many lines the log has.
    log: usize,
}

impl Table {
    pub(super) fn new(kind: HashKind, id: u64) -> Self {
        Self {
            kind,
            id,
            completeness: Completeness::default(),
            entries: BTreeMap::new(),
            sizes: BTreeMap::new(),
            least: 0,
            pass: 0,
            is_ended: true,
            log: 0,
        }
    }

    /// Reads a log from its beginning; `None` if it does not begin as one. With it, how many octets of it count.
    pub(super) fn read(log: &mut impl BufRead) -> io::Result<Option<(Self, u64)>> {
        let Some(first) = line(log)? else {
            return Ok(None);
        };
        let Some(mut table) = Self::of_first(&first) else {
            return Ok(None);
        };
        let more = table.read_on(log)?;
        Ok(Some((table, first.len() as u64 + 1 + more)))
    }

    /// What the first line of a log says.
    pub(super) fn read_first(log: &mut impl BufRead) -> io::Result<Option<(HashKind, u64)>> {
        let table = line(log)?.and_then(|first| Self::of_first(&first));
        Ok(table.map(|table| (table.kind, table.id)))
    }

    /// Reads the lines that follow, and says how many octets of them count.
    pub(super) fn read_on(&mut self, log: &mut impl BufRead) -> io::Result<u64> {
        let mut octets = 0;
        while let Some(text) = line(log)? {
            let Some(line) = Line::read(&text) else {
                break;
            };
            octets += text.len() as u64 + 1;
            self.apply(line);
        }
        self.settle();
        Ok(octets)
    }

    pub(super) fn first(&self) -> String {
        let kind = match self.kind {
            HashKind::Sha1 => "sha1",
            HashKind::Ntlm => "ntlm",
        };
        format!("breach-check ranges 1 {kind} {:016x}\n", self.id)
    }

    fn of_first(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("breach-check ranges 1 ")?;
        let (kind, id) = rest.split_once(' ')?;
        let kind = match kind {
            "sha1" => HashKind::Sha1,
            "ntlm" => HashKind::Ntlm,
            _ => return None,
        };
        let table = Self::new(kind, u64::from_str_radix(id, 16).ok()?);
        (table.first().trim_end() == line).then_some(table)
    }

    pub(super) fn apply(&mut self, line: Line) {
        self.log += 1;
        match line {
            Line::Least(completeness) => self.completeness = completeness,
            Line::Pass => {
                self.pass += 1;
                self.is_ended = false;
            }
            Line::Range(range, entry) => {
                *self.sizes.entry(entry.lines).or_default() += 1;
                if let Some((old, _)) = self.entries.insert(range, (entry, self.pass)) {
                    self.forget(old.lines);
                }
            }
            Line::Same(range) => {
                if let Some((_, pass)) = self.entries.get_mut(&range) {
                    *pass = self.pass;
                }
            }
            Line::End => self.is_ended = true,
        }
    }

    fn forget(&mut self, lines: u32) {
        if let Some(number) = self.sizes.get_mut(&lines) {
            *number -= 1;
            if *number == 0 {
                self.sizes.remove(&lines);
            }
        }
    }

    /// Judges those of which nothing was known before by the median of now.
    pub(super) fn settle(&mut self) {
        self.least = self.least_with(&[]);
    }

    /// The least that a range of which nothing was known must have, beside these others.
    pub(super) fn least_with(&self, others: &[u32]) -> u32 {
        let mut sizes = self.sizes.clone();
        for lines in others {
            *sizes.entry(*lines).or_default() += 1;
        }
        let all: u32 = sizes.values().sum();
        let mut left = all / 2;
        let median = sizes.into_iter().find_map(|(lines, number)| {
            let found = left < number;
            left = left.saturating_sub(number);
            found.then_some(lines)
        });
        median.map_or(0, |median| self.completeness.least(median))
    }

    /// A range that is kept and has as many lines as it must have.
    pub(super) fn known(&self, range: Range) -> Option<&Entry> {
        let (entry, _) = self.entries.get(&range)?;
        (!entry.is_first || entry.lines >= self.least).then_some(entry)
    }

    /// A range that was asked for since the pass began, and is known.
    pub(super) fn is_settled(&self, range: Range) -> bool {
        let asked = self.entries.get(&range).map(|(_, pass)| *pass);
        asked == Some(self.pass) && self.known(range).is_some()
    }

    /// The least that this range must have when it comes again.
    pub(super) fn least(&self, range: Range) -> u32 {
        match self.known(range) {
            Some(before) => self.completeness.least(before.lines),
            None => self.least,
        }
    }

    /// Those that came since the pass began, but have fewer lines than they must have.
    pub(super) fn outliers(&self) -> impl Iterator<Item = (Range, u32)> {
        self.entries
            .iter()
            .filter(|(range, (_, pass))| *pass == self.pass && self.known(**range).is_none())
            .map(|(range, (entry, _))| (*range, entry.lines))
    }

    pub(super) fn all_known(&self) -> impl Iterator<Item = Range> {
        let ranges = self.entries.keys().copied();
        ranges.filter(|range| self.known(*range).is_some())
    }

    /// Most lines of a range.
    pub(super) fn most_lines(&self) -> u32 {
        self.sizes.last_key_value().map_or(0, |(lines, _)| *lines)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// More than half of the log says nothing any more.
    pub(super) fn is_long(&self) -> bool {
        self.log > 2 * self.entries.len() + 1_024
    }

    /// The log that says the same in fewer lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        let of = |now: bool| {
            let entries = self.entries.iter();
            let entries = entries.filter(move |(_, (_, pass))| (*pass == self.pass) == now);
            entries.map(|(range, (entry, _))| Line::Range(*range, entry.clone()))
        };
        let end = self.is_ended.then_some(Line::End);
        [Line::Least(self.completeness)]
            .into_iter()
            .chain(of(false))
            .chain([Line::Pass])
            .chain(of(true))
            .chain(end)
    }
}

/// The next line without its end; `None` if there is none that is ended.
fn line(log: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    log.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok(match line.pop() {
        Some(b'\n') => String::from_utf8(line).ok(),
        _ => None,
    })
}

impl Line {
    pub(super) fn write(&self) -> String {
        let text = match self {
            Self::Least(completeness) => format!("least {}", completeness.percent),
            Self::Pass => "pass".to_owned(),
            Self::Range(range, entry) => format!(
                "range {range} {} {} {} {:08x} {}",
                if entry.is_first { "first" } else { "then" },
                entry.lines,
                entry.octets,
                entry.checksum,
                entry.etag.as_deref().unwrap_or("-"),
            ),
            Self::Same(range) => format!("same {range}"),
            Self::End => "end".to_owned(),
        };
        format!("{text} {:08x}\n", crc32c::crc32c(text.as_bytes()))
    }

    fn read(line: &str) -> Option<Self> {
        let (text, checksum) = line.rsplit_once(' ')?;
        if checksum != format!("{:08x}", crc32c::crc32c(text.as_bytes())) {
            return None;
        }
        let mut words = text.split(' ');
        let read = match words.next()? {
            "least" => Self::Least(match words.next()?.parse().ok()? {
                0 => Completeness::unchecked(),
                percent => Completeness::percent(percent)?,
            }),
            "pass" => Self::Pass,
            "range" => Self::Range(
                Range::from_hex(words.next()?)?,
                Entry {
                    is_first: match words.next()? {
                        "first" => true,
                        "then" => false,
                        _ => return None,
                    },
                    lines: words.next()?.parse().ok()?,
                    octets: words.next()?.parse().ok()?,
                    checksum: u32::from_str_radix(words.next()?, 16).ok()?,
                    etag: match words.next()? {
                        "-" => None,
                        etag => Some(etag.into()),
                    },
                },
            ),
            "same" => Self::Same(Range::from_hex(words.next()?)?),
            "end" => Self::End,
            _ => return None,
        };
        words.next().is_none().then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(number: u32) -> Range {
        Range::new(number).unwrap()
    }

    fn entry(lines: u32, is_first: bool) -> Entry {
        Entry {
            lines,
            octets: 7,
            checksum: 0xABC,
            is_first,
            etag: Some("\"x\"".into()),
        }
    }

    fn log() -> String {
        let mut log = Table::new(HashKind::Sha1, 7).first();
        let lines = [
            Line::Least(Completeness::percent(80).unwrap()),
            Line::Pass,
            Line::Range(range(1), entry(100, true)),
            Line::Range(range(2), entry(79, true)),
            Line::Range(range(3), entry(100, true)),
            Line::Range(range(4), entry(50, false)),
            Line::Range(range(5), entry(101, true)),
            Line::Pass,
            Line::Same(range(1)),
        ];
        lines.iter().for_each(|line| log.push_str(&line.write()));
        log
    }

    fn read(log: &[u8]) -> Option<(Table, u64)> {
        Table::read(&mut &*log).unwrap()
    }

    #[test]
    fn what_is_kept_and_has_enough_lines_is_known() {
        let log = log();
        let (table, octets) = read(log.as_bytes()).unwrap();
        assert_eq!((octets, table.id), (log.len() as u64, 7));
        let known: Vec<_> = table.all_known().map(Range::number).collect();
        assert_eq!(known, [1, 3, 4, 5]);
        assert_eq!(table.outliers().count(), 0);
        let (mut same, _) = read(log.as_bytes()).unwrap();
        same.apply(Line::Same(range(2)));
        assert_eq!(same.outliers().collect::<Vec<_>>(), [(range(2), 79)]);
        let settled: Vec<_> = (0..9).filter(|n| table.is_settled(range(*n))).collect();
        assert_eq!(settled, [1]);
        let least = [0, 1, 2, 4].map(|number| table.least(range(number)));
        assert_eq!(least, [80, 80, 80, 40]);
        assert_eq!((table.most_lines(), table.is_ended()), (101, false));
    }

    #[test]
    fn a_shorter_log_says_the_same() {
        let (table, _) = read(log().as_bytes()).unwrap();
        let mut shorter = table.first();
        table
            .lines()
            .for_each(|line| shorter.push_str(&line.write()));
        let (again, _) = read(shorter.as_bytes()).unwrap();
        for number in 0..9 {
            let range = range(number);
            assert_eq!(table.known(range), again.known(range));
            assert_eq!(table.is_settled(range), again.is_settled(range));
            assert_eq!(table.least(range), again.least(range));
        }
        assert_eq!(again.is_ended(), table.is_ended());
    }

    #[test]
    fn what_is_behind_a_torn_or_changed_line_is_not_there() {
        let log = log();
        let starts: Vec<_> = log.match_indices('\n').map(|(at, _)| at + 1).collect();
        for cut in 0..log.len() {
            let read = read(&log.as_bytes()[..cut]);
            let whole = starts.iter().rev().find(|start| **start <= cut);
            let whole = whole.map(|start| *start as u64);
            assert_eq!(read.map(|(_, octets)| octets), whole, "{cut}");
        }
        for at in starts[0]..log.len() {
            let mut changed = log.clone().into_bytes();
            changed[at] ^= 1;
            let start = *starts.iter().rev().find(|start| **start <= at).unwrap();
            let (_, octets) = read(&changed).unwrap();
            assert_eq!(octets, start as u64, "{at}");
        }
        assert!(read(b"").is_none());
        assert!(read(b"breach-check ranges 2 sha1 0000000000000007\n").is_none());
        assert!(read(&[b'x'; 9999]).is_none());
    }

    #[test]
    fn a_percentage_is_rounded_up() {
        let least = |percent, of| Completeness::percent(percent).unwrap().least(of);
        assert_eq!([least(80, 5), least(80, 6), least(80, 0)], [4, 5, 1]);
        assert_eq!(least(100, u32::MAX), u32::MAX);
        assert_eq!(Completeness::unchecked().least(1_000), 0);
        assert_eq!(Completeness::percent(0), None);
        assert_eq!(Completeness::percent(101), None);
    }
}
