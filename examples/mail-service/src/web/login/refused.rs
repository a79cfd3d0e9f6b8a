//! Every verdict of the crate, in plain words.

use crate::web::{
    door::Visit,
    layout::lasting,
    words::{Words, fill},
};
use axum::{
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::Response,
};
use std::time::{Duration, SystemTime};
use twofactor::Refusal;

/// What is said of a refusal.
pub(in crate::web) struct Said {
    pub(in crate::web) status: StatusCode,
    pub(in crate::web) text: String,
    wait: Option<Duration>,
}

impl Said {
    /// With when to come back.
    pub(in crate::web) fn with(&self, mut response: Response) -> Response {
        if let Some(wait) = self.wait {
            let seconds = HeaderValue::from(wait.as_secs() + 1);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

/// `wrong` is what is said where the crate says no more than that.
pub(in crate::web) fn say(visit: &Visit, why: Refusal, now: SystemTime, wrong: &str) -> Said {
    in_words(visit.words, why, now, wrong)
}

fn in_words(w: &Words, why: Refusal, now: SystemTime, wrong: &str) -> Said {
    let wait = why
        .retry_at()
        .map(|at| at.duration_since(now).unwrap_or_default());
    let waiting = |text| fill(text, &[("wait", &lasting(w, wait.unwrap_or_default()))]);
    let text = match why {
        Refusal::Wait { .. } => waiting(w.refused_wait),
        Refusal::NetworkWait { .. } => waiting(w.refused_network),
        Refusal::Drifted { seconds } => {
            let off = lasting(w, Duration::from_secs(seconds.unsigned_abs()));
            let text = match seconds < 0 {
                true => w.refused_drift_behind,
                false => w.refused_drift_ahead,
            };
            fill(text, &[("off", &off)])
        }
        Refusal::Replayed => w.refused_replayed.to_owned(),
        Refusal::Disabled => w.refused_disabled.to_owned(),
        Refusal::Stale => w.refused_stale.to_owned(),
        Refusal::NoFactor => w.refused_no_factor.to_owned(),
        Refusal::Passkey => w.refused_passkey.to_owned(),
        _ => wrong.to_owned(),
    };
    let status = match wait {
        Some(_) => StatusCode::TOO_MANY_REQUESTS,
        None => StatusCode::FORBIDDEN,
    };
    Said { status, text, wait }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    #[test]
    fn every_verdict_has_words_of_its_own() {
        let words = Words::of(&HeaderMap::new());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let until = now + Duration::from_secs(29);
        let said = |why| in_words(words, why, now, "wrong").text;
        let all = [
            Refusal::Wrong,
            Refusal::Replayed,
            Refusal::Drifted { seconds: 150 },
            Refusal::Drifted { seconds: -150 },
            Refusal::Wait { until },
            Refusal::NetworkWait { until },
            Refusal::Disabled,
            Refusal::Stale,
            Refusal::NoFactor,
            Refusal::Passkey,
        ];
        let mut texts: Vec<_> = all.into_iter().map(said).collect();
        assert!(texts[2].contains("3 minutes fast") && texts[3].contains("3 minutes slow"));
        assert!(texts[4].contains("29 seconds") && texts[5].contains("29 seconds"));
        assert!(texts.iter().all(|text| !text.contains('{')));
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), all.len());
        let waits = in_words(words, Refusal::Wait { until }, now, "wrong");
        let answer = waits.with(Response::default());
        assert_eq!(waits.status, 429);
        assert_eq!(answer.headers()[RETRY_AFTER], "30");
    }
}
