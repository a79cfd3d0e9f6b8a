//! Messages in a store: large ones, such as no link opens, and one all the way from the letter to its answer.
#![cfg(feature = "store")]
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::stored::*;
use common::*;
use pollster::block_on;
use record_store::{Memory, Records};
use symmetric_seal::AccessProof;
use symmetric_seal::link::{Burned, Notice, Refusal, SenderToken, TOMBSTONE, Terms};
use symmetric_seal::store::{Links, LinksError};

/// What the password of the message proves; the tests of the pure machine have another one.
fn proof() -> AccessProof {
    message().proof.clone()
}

#[test]
fn large_messages_are_published_in_one_moment_and_leave_nothing() {
    block_on(async {
        let store = Memory::new();
        let links = Links::new(&store).max_message(4 << 20);
        // Around the size of one record, and of what travels in one commit.
        let around = 64 * 1024 - seal(b"").octets.len();
        for size in [1, around, around + 1, 1 << 20, 3 << 20] {
            let content: Vec<u8> = (0..size).map(|at| (at % 251) as u8).collect();
            let (sealed, answer) = (seal(&content), seal(&content));
            let (message, reply) = (&sealed.octets, &answer.octets);
            let link = links
                .reserve(terms(), start() + DAY, start())
                .await
                .unwrap();
            let early = links
                .release(&link.id, &sealed.proof, &reader(5), start())
                .await
                .unwrap();
            assert_eq!(early.refusal(), Some(Refusal::Pending));
            let publish = |sender| links.publish(&link.id, sender, message, sealed.hash, start());
            let other = SenderToken::from_octets([9; 16]);
            assert_eq!(
                publish(&other).await.unwrap().refusal(),
                Some(Refusal::NotSender)
            );
            for _ in 0..2 {
                assert!(publish(&link.sender).await.unwrap().granted().is_some());
            }
            let released = links
                .release(&link.id, &sealed.proof, &reader(5), start())
                .await
                .unwrap();
            assert!(released.granted().unwrap().message[..] == **message);
            _ = links
                .reply(&link.id, &reader(5), reply, start())
                .await
                .unwrap();
            assert!(
                links
                    .destroy(&link.id, &reader(5), start())
                    .await
                    .unwrap()
                    .granted()
                    .is_some()
            );
            let gone = links.resume(&link.id, &reader(5), start()).await.unwrap();
            let destroyed = Refusal::Burned {
                at: start(),
                by: Burned::Reader,
            };
            assert_eq!(gone.refusal(), Some(destroyed));
            let fetched = links
                .fetch_reply(&link.id, &link.sender, start())
                .await
                .unwrap();
            assert!(fetched.granted().unwrap().message[..] == **reply);
        }
        // After the replies and the tombstones nothing is left, chunks included.
        let late = start() + 29 * DAY;
        assert_eq!(links.sweep(late, 100).await.unwrap().ended, 5);
        let late = late + TOMBSTONE;
        while store.sweep(late, 1000).await.unwrap().more {}
        assert_eq!(names(&store, late).await, [""; 0]);
        assert_eq!(
            store.sweep(late + 400 * DAY, 1000).await.unwrap().removed,
            0
        );
    });
}

#[test]
fn what_no_link_opens_is_not_kept() {
    block_on(async {
        let store = Memory::new();
        let links = Links::new(&store).max_message(2000);
        let Message { octets, hash, .. } = message();
        let cut = &octets[..octets.len() - 40];
        let mut weaker = octets.clone();
        // The memory of Argon2 is the octet after salt, passes and lanes (RFC 9580 §5.3.2).
        let salt = message().kdf.salt();
        let at = octets.windows(16).position(|some| some == salt).unwrap() + 18;
        weaker[at] -= 1;
        let large = vec![0; 2001];
        for bad in [&[][..], b"no message", cut, &weaker, &large] {
            let failed = links
                .issue(terms(), start() + DAY, bad, *hash, start())
                .await;
            let failed = failed.unwrap_err();
            assert!(
                matches!(failed, LinksError::Size | LinksError::Message(_)),
                "{failed:?}"
            );
            assert!(!failed.is_temporary());
        }
        assert_eq!(names(&store, start()).await, [""; 0]);
        // And no reply that is something else.
        let link = issue(&links, terms()).await;
        let released = links
            .release(&link.id, &proof(), &reader(5), start())
            .await
            .unwrap();
        assert!(released.granted().is_some());
        let failed = links.reply(&link.id, &reader(5), b"a file", start()).await;
        assert!(matches!(failed.unwrap_err(), LinksError::Message(_)));
        for terms in [Terms::new().views(0), Terms::new().attempts(21)] {
            let failed = links
                .issue(terms, start() + DAY, octets, *hash, start())
                .await;
            assert!(matches!(failed.unwrap_err(), LinksError::Terms(_)));
        }
        for expires in [start(), start() + 367 * DAY] {
            let failed = links
                .issue(Terms::new(), expires, octets, *hash, start())
                .await;
            assert!(matches!(failed.unwrap_err(), LinksError::Terms(_)));
        }
    });
}

/// All the way: a letter is sealed, its link is opened with the password and the fragment, and the answer comes back.
#[test]
fn a_letter_goes_by_link_and_its_answer_comes_back() {
    use symmetric_seal::link::LinkSecret;
    use symmetric_seal::mime::{Letter, Mailbox};
    use symmetric_seal::{Opener, Passphrase, Profile, Sealer};
    block_on(async {
        let store = Memory::new();
        let links = Links::new(&store);
        let (alice, bob) = (
            Mailbox::new("alice@example.org").unwrap(),
            Mailbox::new("bob@example.net").unwrap(),
        );
        let letter = |from, to, text| {
            let letter = Letter::new(from, to, "The contract", start()).unwrap();
            letter.text(text).write().unwrap()
        };
        let secret: LinkSecret = "-_v7-_v7-_v7-_v7-_v7-w".parse().unwrap();
        let agreed = Passphrase::for_sealing("Grüße aus Łódź")
            .unwrap()
            .bound_to(&secret);
        let sealer = Sealer::new().profile(Profile::LOW_MEMORY);
        let sealed = sealer
            .seal(&letter(&alice, &bob, "As agreed."), &agreed)
            .unwrap();
        let hash = sealed.receipt().proof_hash();
        let issued = links.issue(
            terms().bind_link(),
            start() + DAY,
            sealed.message(),
            hash,
            start(),
        );
        let issued = issued.await.unwrap();

        // The recipient types it on another keyboard; without the fragment it is another password.
        let view = links
            .view(&issued.id, start())
            .await
            .unwrap()
            .granted()
            .unwrap();
        assert!(view.bound && view.takes_reply);
        let challenge = view.challenge.unwrap();
        let typed = Passphrase::for_opening("Gru\u{308}ße\u{a0}aus Ło\u{301}dz\u{301}");
        let opener = Opener::for_links();
        let alone = opener.derive(&challenge, &typed).unwrap();
        let refused = links
            .release(&issued.id, alone.access_proof(), &reader(5), start())
            .await
            .unwrap();
        assert_eq!(refused.refusal(), Some(Refusal::WrongProof { wait: None }));
        let key = opener.derive(&challenge, &typed.bound_to(&secret)).unwrap();
        let released = links
            .release(&issued.id, key.access_proof(), &reader(5), start())
            .await
            .unwrap();
        let released = released.granted().unwrap();
        let opened = opener.open_with(released.message.to_vec(), &key).unwrap();
        assert_eq!(opened.content(), letter(&alice, &bob, "As agreed."));

        let answer = sealer
            .seal(&letter(&bob, &alice, "Signed."), &agreed)
            .unwrap();
        let kept = links
            .reply(&issued.id, &reader(5), answer.message(), start())
            .await
            .unwrap();
        assert_eq!(kept.granted().unwrap().notices, [Notice::Replied]);
        let fetched = links
            .fetch_reply(&issued.id, &issued.sender, start())
            .await
            .unwrap();
        let opened = opener
            .open(fetched.granted().unwrap().message.to_vec(), &agreed)
            .unwrap();
        assert_eq!(opened.content(), letter(&bob, &alice, "Signed."));
    });
}
