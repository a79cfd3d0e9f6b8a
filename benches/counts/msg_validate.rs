use std::hint::black_box;
use std::time::{Duration, SystemTime};

use mail_dns::{Answer, Record, Security, Txt, Zone};
use msg_validate::dkim::{self, Canonicalization, KeyRecord, Signer, SigningKey};
use msg_validate::{AuthResults, Context, Evaluation, Limits};

use crate::Count;

pub(crate) const COUNTS: &[Count] = &[
    Count {
        name: "msg-validate/auth-results",
        ready: || {
            let text = b"mx.example.net; spf=pass smtp.mailfrom=example.org; dkim=pass header.d=example.org; dmarc=pass";
            Box::new(move || {
                black_box(AuthResults::parse(black_box(text)).is_ok());
            })
        },
    },
    Count {
        name: "msg-validate/body-relaxed",
        ready: || {
            let body = "We lost the game.  Are you hungry yet? \r\n\r\n".repeat(100);
            Box::new(move || {
                black_box(dkim::body_hash(
                    Canonicalization::Relaxed,
                    black_box(body.as_bytes()),
                ));
            })
        },
    },
    Count {
        name: "msg-validate/dkim-key",
        ready: || {
            let text = "v=DKIM1; k=rsa; p=".to_owned() + &"A".repeat(392);
            Box::new(move || {
                black_box(KeyRecord::parse(black_box(text.as_bytes())).is_ok());
            })
        },
    },
    Count {
        name: "msg-validate/dkim-verify-changed-body",
        ready: dkim_verify,
    },
    Count {
        name: "msg-validate/evaluation",
        ready: evaluation,
    },
];

const MESSAGE: &str = "Received: from mail.example.org by mx.example.net; Fri, 27 Nov 2026 08:00:01 +0000\r\n\
    From: Joe SixPack <joe@example.org>\r\nTo: Suzie Q <suzie@example.net>\r\n\
    Subject: Is dinner ready?\r\nDate: Fri, 27 Nov 2026 08:00:00 +0000\r\n\
    Message-ID: <20261127080000.3456@example.org>\r\n\r\nHi.\r\n";

/// All but the signature itself, whose cost is the library's: the body is another one.
fn dkim_verify() -> Box<dyn FnMut()> {
    let now = SystemTime::UNIX_EPOCH;
    let key = SigningKey::from_ed25519_seed(&[7; 32]);
    let signed =
        key.and_then(|key| Signer::new("example.org", "s", key)?.sign(MESSAGE.as_bytes(), now));
    let message = signed.unwrap_or_default() + MESSAGE + "Bye.\r\n";
    let records = [Record::Txt(Txt::from_text("v=DKIM1; p="))];
    let answer = Answer::records(records, Security::Unknown, Duration::from_secs(60));
    let limits = Limits::default();
    Box::new(move || {
        let message = black_box(message.as_bytes());
        black_box(dkim::verify(message, now, &limits, |_| answer.clone()));
    })
}

/// Everything about a message without a signature.
fn evaluation() -> Box<dyn FnMut()> {
    let now = SystemTime::UNIX_EPOCH;
    let zone = Zone::new()
        .txt("example.org", "v=spf1 ip4:192.0.2.1 -all")
        .and_then(|zone| zone.txt("_dmarc.example.org", "v=DMARC1; p=reject"))
        .unwrap_or_default();
    let client = [192, 0, 2, 1].into();
    let context = Context::smtp(client, "mail.example.org", "joe@example.org", now);
    Box::new(move || {
        let message = black_box(MESSAGE.as_bytes());
        let mut evaluation = Evaluation::new(message, &context, Limits::default());
        while !evaluation.need().is_empty() {
            for query in evaluation.need().to_vec() {
                evaluation.answer(&query, zone.answer(&query), now);
            }
        }
        black_box(evaluation.finish().is_ok());
    })
}
