//! What reads as a link is written as it was read; whatever happens to it then, it is stored as it is, nothing leads
//! out of a tombstone, and there are no more releases than views.
#![no_main]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use symmetric_seal::link::{Answer, Event, Link, MAX_RECORD, ReaderToken, SenderToken, Status};
use symmetric_seal::{AccessProof, KdfParameters};

// The length of a record, the record, and events of four octets each.
fuzz_target!(|data: &[u8]| {
    let Some((length, data)) = data.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length)).min(data.len());
    let (record, events) = data.split_at(length);
    let Ok(mut link) = Link::decode(record) else {
        return;
    };
    assert!(record.len() <= MAX_RECORD && link.encode() == record);
    let mut now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let mut views = std::collections::HashSet::new();
    let mut over = false;
    for event in events.chunks_exact(4).take(200) {
        let &[what, who, time, unit] = event else {
            return;
        };
        now = moved(now, time, unit);
        let step = step(&link, what, who, now);
        if let Answer::Released { view, .. } = step.answer {
            assert!(!over);
            views.insert(view);
        }
        assert!(views.len() <= 250);
        let status = step.link.view(now).status;
        let is_over = !matches!(
            status,
            Status::Pending | Status::Available { .. } | Status::Locked { .. }
        );
        assert!(is_over || !over);
        let octets = step.link.encode();
        assert_eq!(Link::decode(&octets).as_ref(), Ok(&step.link));
        if step.changed {
            over |= is_over;
            link = step.link;
        }
    }
});

fn moved(now: SystemTime, by: u8, unit: u8) -> SystemTime {
    let seconds = [1, 60, 3600, 86_400, 10_000_000][usize::from(unit % 5)];
    let distance = Duration::from_secs(u64::from(by) * seconds);
    match unit & 0x80 {
        0 => now.checked_add(distance),
        _ => now.checked_sub(distance),
    }
    .unwrap_or(now)
}

fn step(link: &Link, what: u8, who: u8, now: SystemTime) -> symmetric_seal::link::Step {
    let (sender, reader) = (
        SenderToken::from_octets([who % 4; 16]),
        ReaderToken::from_octets([who; 16]),
    );
    let proof = AccessProof::from_octets([who % 4; 32]);
    let kdf = KdfParameters::new([0; 16], 3, 4, 16).unwrap();
    let event = match what % 9 {
        0 => Event::Publish {
            sender: &sender,
            kdf,
            proof: proof.hash(),
        },
        1 => Event::Release {
            proof: &proof,
            reader: &reader,
        },
        2 => Event::Resume { reader: &reader },
        3 => Event::Destroy { reader: &reader },
        4 => Event::Reply {
            reader: &reader,
            digest: [what; 32],
        },
        5 => Event::FetchReply { sender: &sender },
        6 => Event::Extend {
            sender: &sender,
            until: now + Duration::from_secs(u64::from(what) * 86_400),
        },
        7 => Event::Revoke { sender: &sender },
        _ => Event::Tick,
    };
    link.step(event, now)
}
