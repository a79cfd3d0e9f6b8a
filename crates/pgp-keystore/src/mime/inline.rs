//! OpenPGP blocks in text: read, never written.

use std::ops::Range;

use super::lines::{lines, trim_end};

/// What kind of block it is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InlineKind {
    /// Readable text with its signature (RFC 9580 §7).
    Cleartext,
    /// A message in armor: encrypted, or signed.
    Message,
}

impl InlineKind {
    fn of(line: &[u8]) -> Option<Self> {
        match trim_end(line) {
            b"-----BEGIN PGP SIGNED MESSAGE-----" => Some(Self::Cleartext),
            b"-----BEGIN PGP MESSAGE-----" => Some(Self::Message),
            _ => None,
        }
    }

    fn end(self) -> &'static [u8] {
        match self {
            Self::Cleartext => b"-----END PGP SIGNATURE-----",
            Self::Message => b"-----END PGP MESSAGE-----",
        }
    }
}

/// The blocks of a text, by the octets of their lines. One that begins within another, or has no end, is none.
pub(super) fn blocks(text: &[u8]) -> impl Iterator<Item = (InlineKind, Range<usize>)> {
    let mut open: Option<(InlineKind, usize)> = None;
    lines(text).filter_map(move |line| {
        if let Some(kind) = InlineKind::of(line.text) {
            open = Some((kind, line.start));
        }
        let (kind, start) = open.filter(|(kind, _)| trim_end(line.text) == kind.end())?;
        open = None;
        Some((kind, start..line.next))
    })
}

#[cfg(feature = "_backend")]
pub(super) use reading::parts;
#[cfg(feature = "_backend")]
pub use reading::{InlineBlock, InlineContent, read_inline};

#[cfg(feature = "_backend")]
mod reading {
    use std::fmt;
    use std::ops::Range;
    use std::time::SystemTime;

    use zeroize::Zeroizing;

    use super::{InlineKind, blocks};
    use crate::mime::MimeError;
    use crate::mime::entity::Entity;
    use crate::mime::kind::{Found, size, walk};
    use crate::mime::lines::canonical;
    use crate::mime::result::{Coverage, SignedPart};
    use crate::{Certificate, Error, Fingerprint, Limits, Unlocked, Verification, decrypt, verify};

    /// Most blocks of a message that are looked at.
    const MAX_BLOCKS: usize = 16;

    /// A block in a text.
    #[non_exhaustive]
    #[derive(Debug)]
    pub struct InlineBlock {
        /// In which part: its number from 0, of the part in it, and so on. Empty is the message itself.
        pub path: Vec<usize>,
        /// Which octets of that part's decoded text are the block; everything else there may be by anybody.
        pub octets: Range<usize>,
        /// What kind of block it is.
        pub kind: InlineKind,
        /// [`Coverage::Text`] if the message has one text and nothing but this in it, else [`Coverage::Part`].
        pub coverage: Coverage,
        /// What is in it, or why that is not known.
        pub outcome: Result<InlineContent, Error>,
    }

    /// What a block holds.
    #[non_exhaustive]
    pub struct InlineContent {
        /// The text that was signed or encrypted: octets, of which nothing says in which charset they are.
        pub content: Zeroizing<Vec<u8>>,
        /// What its signatures are worth.
        pub verification: Verification,
        /// The certificate and the key that opened it, if it was encrypted.
        pub decrypted_by: Option<(Fingerprint, Fingerprint)>,
    }

    impl fmt::Debug for InlineContent {
        /// Without the content.
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("InlineContent")
                .field("verification", &self.verification)
                .field("decrypted_by", &self.decrypted_by)
                .finish_non_exhaustive()
        }
    }

    /// Reads the OpenPGP blocks in the texts of a message that are no attachments, 16 of them at most. Nothing of it protects a
    /// header, and what stands beside a block is by anybody: show the blocks alone.
    ///
    /// # Errors
    ///
    /// [`MimeError::Malformed`], [`MimeError::Limit`]. What is wrong with one block is said there.
    pub fn read_inline(
        message: &[u8],
        keys: &[&Unlocked],
        certificates: &[&Certificate],
        now: SystemTime,
        limits: &Limits,
    ) -> Result<Vec<InlineBlock>, MimeError> {
        size(message, limits)?;
        let message = canonical(message)?;
        let entity = Entity::parse(&message, limits)?;
        read(&entity, keys, certificates, now, limits)
    }

    fn read(
        entity: &Entity<'_>,
        keys: &[&Unlocked],
        certificates: &[&Certificate],
        now: SystemTime,
        limits: &Limits,
    ) -> Result<Vec<InlineBlock>, MimeError> {
        let mut found = Vec::new();
        walk(entity, limits, &mut |path, part| {
            let Found::Text(text) = part else {
                return Ok(());
            };
            for (kind, octets) in blocks(&text) {
                if found.len() == MAX_BLOCKS {
                    break;
                }
                let (before, rest) = text.split_at(octets.start.min(text.len()));
                let (block, after) = rest.split_at(octets.len().min(rest.len()));
                let blank = |text: &[u8]| text.trim_ascii().is_empty();
                let coverage = match path.is_empty() && blank(before) && blank(after) {
                    true => Coverage::Text,
                    false => Coverage::Part,
                };
                found.push(InlineBlock {
                    path: path.to_vec(),
                    octets,
                    kind,
                    coverage,
                    outcome: open(block, kind, keys, certificates, now, limits),
                });
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn open(
        block: &[u8],
        kind: InlineKind,
        keys: &[&Unlocked],
        certificates: &[&Certificate],
        now: SystemTime,
        limits: &Limits,
    ) -> Result<InlineContent, Error> {
        if kind == InlineKind::Message {
            match decrypt(block, keys, certificates, now, limits) {
                Ok(opened) => {
                    return Ok(InlineContent {
                        content: opened.content,
                        verification: opened.verification,
                        decrypted_by: Some(opened.by),
                    });
                }
                Err(Error::NotEncrypted) => {}
                Err(error) => return Err(error),
            }
        }
        let (content, verification) = verify(block, certificates, now, limits)?;
        Ok(InlineContent {
            content: Zeroizing::new(content),
            verification,
            decrypted_by: None,
        })
    }

    /// What is signed inline, for a message that is not signed otherwise.
    pub(in crate::mime) fn parts(
        entity: &Entity<'_>,
        certificates: &[&Certificate],
        now: SystemTime,
        limits: &Limits,
    ) -> Result<(Coverage, Vec<SignedPart>), MimeError> {
        let mut coverage = Coverage::Nothing;
        let mut parts = Vec::new();
        for block in read(entity, &[], certificates, now, limits)? {
            let Ok(opened) = block.outcome else {
                continue;
            };
            coverage = block.coverage;
            parts.push(SignedPart {
                path: block.path,
                content: opened.content.to_vec(),
                verification: opened.verification,
            });
        }
        Ok((coverage, parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_lines_and_do_not_overlap() {
        let text =
            b"Hi\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n-----END PGP MESSAGE----- \r\nbye\r\n";
        let found: Vec<_> = blocks(text).collect();
        assert_eq!(found, [(InlineKind::Message, 4..text.len() - 5)]);
        for none in [
            "> -----BEGIN PGP MESSAGE-----\r\n> -----END PGP MESSAGE-----\r\n",
            "-----BEGIN PGP MESSAGE-----\r\n",
            "-----BEGIN PGP SIGNED MESSAGE-----\r\n-----BEGIN PGP MESSAGE-----\r\n-----END PGP SIGNATURE-----\r\n",
            "-----END PGP MESSAGE-----\r\n",
        ] {
            assert_eq!(blocks(none.as_bytes()).count(), 0, "{none}");
        }
    }
}
