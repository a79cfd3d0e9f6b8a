//! What becomes due in the life of a key: a pure function of what is known and of the time.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::{CertificateView, Reason, State, Use};

const DAY: Duration = Duration::from_secs(86_400);

/// Who can change the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "somebody has to")]
pub enum Hands {
    /// The service by itself, as it can open the key: what is due is to be done.
    Service,
    /// The owner only: the owner is reminded.
    Owner,
}

/// What is known of a key. `certificate` is as of the time of the plan.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct KeyState<'a> {
    /// The certificate.
    pub certificate: &'a CertificateView,
    /// Who can change it.
    pub hands: Hands,
    /// When it was last changed.
    pub changed: SystemTime,
    /// When it was last published, if it is published at all.
    pub published: Option<SystemTime>,
    /// When the owner was last reminded.
    pub reminded: Option<SystemTime>,
    /// Whether it was retired: nothing is due any more.
    pub retired: Option<SystemTime>,
}

impl<'a> KeyState<'a> {
    /// A key that was made when its certificate says, in these hands; neither published nor retired, and of no reminder.
    #[must_use]
    pub fn new(certificate: &'a CertificateView, hands: Hands) -> Self {
        Self {
            certificate,
            hands,
            changed: certificate.created,
            published: None,
            reminded: None,
            retired: None,
        }
    }
}

/// When something becomes due.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So long before its end a key is extended. Default 90 days.
    pub extend_before: Duration,
    /// So far from then. Default two years (730 days).
    pub extend_by: Duration,
    /// An encryption subkey of this age is rotated; `None` is never. Default three years (1,095 days).
    pub rotate_after: Option<Duration>,
    /// So long before the end the owner is reminded, once for each. Default 60, 30, 7 and 1 days.
    pub remind_before: Vec<Duration>,
    /// A published certificate is published again after this time, changed or not, where directories forget. Default 180
    /// days.
    pub republish_after: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            extend_before: 90 * DAY,
            extend_by: 730 * DAY,
            rotate_after: Some(1_095 * DAY),
            remind_before: [60, 30, 7, 1].map(|days| days * DAY).to_vec(),
            republish_after: 180 * DAY,
        }
    }
}

/// What is to be done now.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The owner is to be told when the key ends.
    Remind {
        /// When.
        ends: SystemTime,
    },
    /// All that is not revoked is to end then: `Unlocked::set_expiry`.
    Extend {
        /// When.
        to: SystemTime,
    },
    /// The subkey of this use is to have a successor: `Unlocked::rotate_subkey`.
    Rotate {
        /// Of which use.
        purpose: Use,
    },
    /// The certificate is to be published.
    Republish,
    /// The key does not count any more: another one is to be the default. It goes on decrypting.
    Retire {
        /// Why it does not.
        reason: Reason,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remind { .. } => f.write_str("remind the owner that the key ends"),
            Self::Extend { .. } => f.write_str("extend the key"),
            Self::Rotate { purpose } => write!(f, "rotate the subkey for {purpose:?}"),
            Self::Republish => f.write_str("publish the certificate"),
            Self::Retire { reason } => write!(f, "retire the key: {reason}"),
        }
    }
}

/// What is due for a key at a time, in the order in which it is to be done. Asked again after it was done (and
/// [`KeyState`] says so), it gives nothing.
///
/// To be asked at least once in a tenth of [`Rules::extend_before`].
#[must_use]
pub fn plan(state: &KeyState<'_>, rules: &Rules, now: SystemTime) -> Vec<Action> {
    let mut due = Vec::new();
    if state.retired.is_some() {
        return due;
    }
    let reason = state.certificate.reason;
    // What is over its time, or signed with a hash that no longer counts, the service brings back; what is revoked stays so.
    let stands = matches!(
        (reason, state.hands),
        (Reason::Valid | Reason::NotYetValid, _)
            | (Reason::Expired | Reason::WeakHash, Hands::Service)
    );
    if !stands {
        due.push(Action::Retire { reason });
        return due;
    }
    match state.hands {
        Hands::Service => {
            due.extend(extension(state, rules, now));
            due.extend(rotation(state, rules, now));
        }
        Hands::Owner => due.extend(reminder(state, rules, now)),
    }
    let stale = |published: SystemTime| {
        state.changed > published || is_past(published, rules.republish_after, now)
    };
    // What is changed now is published at the next time, as it will be then.
    if due
        .iter()
        .all(|action| matches!(action, Action::Remind { .. }))
        && state.published.is_some_and(stale)
    {
        due.push(Action::Republish);
    }
    due
}

fn extension(state: &KeyState<'_>, rules: &Rules, now: SystemTime) -> Option<Action> {
    let soon = now.checked_add(rules.extend_before)?;
    let to = now.checked_add(rules.extend_by)?;
    let certificate = state.certificate;
    if certificate.reason == Reason::WeakHash {
        return Some(Action::Extend { to });
    }
    // Subkeys that others forgot to extend (a known fault of many programs) are found, too.
    let parts = certificate
        .keys
        .iter()
        .filter(|part| matches!(part.reason.state(), State::Valid | State::Expired));
    let ends = parts.map(|part| part.expires).chain([certificate.expires]);
    let first = ends.flatten().min()?;
    (first <= soon && first < to).then_some(Action::Extend { to })
}

fn rotation(state: &KeyState<'_>, rules: &Rules, now: SystemTime) -> Option<Action> {
    let after = rules.rotate_after?;
    let purpose = Use::Encrypt;
    let newest = state
        .certificate
        .keys_for(purpose)
        .map(|part| part.created)
        .max()?;
    is_past(newest, after, now).then_some(Action::Rotate { purpose })
}

fn reminder(state: &KeyState<'_>, rules: &Rules, now: SystemTime) -> Option<Action> {
    let parts = state.certificate.keys.iter();
    let valid = parts
        .filter(|part| part.reason == Reason::Valid)
        .map(|part| part.expires);
    let ends = valid.chain([state.certificate.expires]).flatten().min()?;
    // The latest of the moments that are over.
    let moments = rules
        .remind_before
        .iter()
        .filter_map(|before| ends.checked_sub(*before));
    let moment = moments.filter(|moment| *moment <= now).max()?;
    let told = state.reminded.is_some_and(|reminded| reminded >= moment);
    (!told).then_some(Action::Remind { ends })
}

fn is_past(since: SystemTime, period: Duration, now: SystemTime) -> bool {
    since.checked_add(period).is_some_and(|end| end <= now)
}
