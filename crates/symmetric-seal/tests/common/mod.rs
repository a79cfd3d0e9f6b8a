//! Links in every state that there is, and people with and without tokens.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

#[cfg(feature = "store")]
pub(crate) mod stored;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use symmetric_seal::link::{
    Answer, Event, Link, ReadNotice, ReaderToken, Replies, SenderToken, Step, Terms,
};
use symmetric_seal::{AccessProof, KdfParameters, Opener, Passphrase, Profile, ProofHash, Sealer};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn start() -> SystemTime {
    UNIX_EPOCH + seconds(1_800_000_000)
}

pub(crate) fn sender() -> SenderToken {
    SenderToken::from_octets([1; 16])
}

pub(crate) fn reader(of: u8) -> ReaderToken {
    ReaderToken::from_octets([of; 16])
}

pub(crate) fn proof() -> AccessProof {
    AccessProof::from_octets([2; 32])
}

pub(crate) fn wrong() -> AccessProof {
    AccessProof::from_octets([3; 32])
}

pub(crate) fn kdf() -> KdfParameters {
    KdfParameters::new([4; 16], 3, 4, 16).unwrap()
}

pub(crate) fn terms() -> Terms {
    Terms::new()
        .views(2)
        .attempts(2)
        .notice(ReadNotice::First)
        .replies(Replies::One)
}

pub(crate) fn publish() -> Event<'static> {
    static SENDER: LazyLock<SenderToken> = LazyLock::new(sender);
    Event::Publish {
        sender: &SENDER,
        kdf: kdf(),
        proof: proof().hash(),
    }
}

/// A link whose message is there.
pub(crate) fn available(terms: Terms, expires: SystemTime, now: SystemTime) -> Link {
    let link = Link::new(terms, expires, &sender(), now).unwrap();
    after(&link, publish(), now)
}

/// The link after an event that must not be refused.
pub(crate) fn after(link: &Link, event: Event<'_>, now: SystemTime) -> Link {
    let step = link.step(event, now);
    assert!(!matches!(step.answer, Answer::Refused(_)), "{step:?}");
    step.link
}

pub(crate) fn release<'a>(proof: &'a AccessProof, reader: &'a ReaderToken) -> Event<'a> {
    Event::Release { proof, reader }
}

/// A guess, which is refused.
pub(crate) fn guess(link: &Link, now: SystemTime) -> Step {
    link.step(release(&wrong(), &reader(99)), now)
}

/// A message that was sealed at the least of the named costs, and what its password proves.
pub(crate) struct Message {
    pub(crate) octets: Vec<u8>,
    pub(crate) kdf: KdfParameters,
    pub(crate) hash: ProofHash,
    pub(crate) proof: AccessProof,
}

pub(crate) fn seal(content: &[u8]) -> Message {
    let password = Passphrase::for_sealing("correct horse battery").unwrap();
    let sealed = Sealer::new()
        .profile(Profile::LOW_MEMORY)
        .seal(content, &password)
        .unwrap();
    let kdf = *sealed.receipt().parameters();
    let key = Opener::for_links().derive(&kdf, &password).unwrap();
    Message {
        kdf,
        hash: sealed.receipt().proof_hash(),
        proof: key.access_proof().clone(),
        octets: sealed.into_message(),
    }
}

/// One that is made once.
pub(crate) fn message() -> &'static Message {
    static MESSAGE: LazyLock<Message> = LazyLock::new(|| seal(b"the vault is 4711"));
    &MESSAGE
}

pub(crate) fn other_message() -> &'static Message {
    static MESSAGE: LazyLock<Message> = LazyLock::new(|| seal(b"the answer"));
    &MESSAGE
}
