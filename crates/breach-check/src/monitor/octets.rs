//! How records are written down: numbers with the most significant octet first, and texts with their length before them.

/// The first octet of each record.
const FORMAT: u8 = 1;

/// Appends fields.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new() -> Self {
        Self(vec![FORMAT])
    }

    pub(super) fn u8(mut self, number: u8) -> Self {
        self.0.push(number);
        self
    }

    pub(super) fn u64(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    pub(super) fn array<const N: usize>(mut self, octets: &[u8; N]) -> Self {
        self.0.extend_from_slice(octets);
        self
    }

    /// Less than 64 KiB; of more, nothing is written that could be read.
    pub(super) fn text(mut self, text: &str) -> Self {
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_be_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// How many follow.
    pub(super) fn count(mut self, many: usize) -> Self {
        let many = u16::try_from(many).unwrap_or(u16::MAX);
        self.0.extend(many.to_be_bytes());
        self
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes fields; `None` if they are not there.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Option<Self> {
        let (&FORMAT, rest) = octets.split_first()? else {
            return None;
        };
        Some(Self(rest))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn count(&mut self) -> Option<usize> {
        self.array().map(u16::from_be_bytes).map(usize::from)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = self.count()?;
        str::from_utf8(self.take(length)?).ok()
    }

    /// Nothing may follow.
    pub(super) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}
