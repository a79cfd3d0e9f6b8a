use msg_validate::{Dkim, Dmarc, SpfIdentity, Verdict};
use serde_json::{Value, json};
use std::fmt::Write;

/// One JSON object on one line.
pub(crate) fn json(verdict: &Verdict, with_message: bool, converted: bool) -> String {
    let reason = |reason: &msg_validate::Reason| {
        json!({
            "code": reason.code(),
            "severity": reason.severity().to_string(),
            "text": reason.text(),
        })
    };
    let spf = verdict.spf().map(|spf| {
        json!({
            "mail_from": spf.mail_from().map(identity),
            "helo": spf.helo().map(identity),
        })
    });
    let dkim: Option<Vec<Value>> =
        with_message.then(|| verdict.dkim().iter().map(signature).collect());
    let report = json!({
        "grade": verdict.grade().to_string(),
        "reasons": verdict.reasons().iter().map(reason).collect::<Vec<_>>(),
        "spf": spf,
        "dkim": dkim,
        "dmarc": verdict.dmarc().map(dmarc),
        "arc": Value::Null,
        "converted": converted,
    });
    format!("{report}\n")
}

fn identity(identity: &SpfIdentity) -> Value {
    json!({
        "result": identity.result().to_string(),
        "domain": identity.domain(),
        "explanation": identity.explanation(),
    })
}

fn signature(dkim: &Dkim) -> Value {
    json!({
        "result": dkim.result().to_string(),
        "domain": dkim.domain(),
        "selector": dkim.selector(),
        "reason": dkim.reason().code(),
    })
}

fn dmarc(dmarc: &Dmarc) -> Value {
    json!({
        "result": dmarc.result().to_string(),
        "policy": dmarc.policy().map(|policy| policy.to_string()),
        "domain": dmarc.domain().map(ToString::to_string),
    })
}

/// For a person.
pub(crate) fn text(verdict: &Verdict, converted: bool) -> String {
    let mut text = format!("{}\n", verdict.grade());
    if converted {
        text.push_str("note: every line ended in a bare LF and was read as if it ended in CRLF\n");
    }
    if let Some(spf) = verdict.spf() {
        for (what, identity) in [("MAIL FROM", spf.mail_from()), ("HELO", spf.helo())] {
            if let Some(identity) = identity {
                let _ = write!(
                    text,
                    "SPF {what}: {} for {}",
                    identity.result(),
                    shown(identity.domain())
                );
                if let Some(explanation) = identity.explanation() {
                    let _ = write!(text, " ({})", shown(explanation));
                }
                text.push('\n');
            }
        }
    }
    for dkim in verdict.dkim() {
        let domain = shown(dkim.domain().unwrap_or("?"));
        let _ = writeln!(
            text,
            "DKIM: {} for {domain}: {}",
            dkim.result(),
            shown(&dkim.reason().to_string())
        );
    }
    if let Some(dmarc) = verdict.dmarc() {
        let _ = write!(text, "DMARC: {}", dmarc.result());
        if let Some(domain) = dmarc.domain() {
            let _ = write!(text, " for {domain}");
        }
        if let Some(policy) = dmarc.policy() {
            let _ = write!(text, ", policy {policy}");
        }
        text.push('\n');
    }
    for reason in verdict.reasons() {
        let _ = writeln!(
            text,
            "{} {}: {}",
            reason.severity(),
            reason.code(),
            shown(reason.text())
        );
    }
    text
}

/// Foreign text must not steer the terminal, nor turn the reading direction round.
fn shown(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}')
    };
    text.chars()
        .map(|c| if steers(c) { '\u{fffd}' } else { c })
        .collect()
}
