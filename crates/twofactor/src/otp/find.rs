//! Which step or counter a code belongs to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::engine::Engine;
use super::{Code, Moving, Otp};

/// How many steps each way a code is looked for that is right at another time, so that a wrong clock can be told.
pub const REACH: u64 = 20;

/// Counters after the next that [`Otp::find_from`] usually looks at.
pub const LOOK_AHEAD: u8 = 10;

/// Counters after the next that [`Otp::resync`] usually looks at.
pub const RESYNC: u16 = 100;

/// The most counters after the next that [`Otp::resync`] looks at.
pub const MAX_RESYNC: u16 = 1000;

/// The steps around now whose codes are taken.
///
/// A code is shown for one step, and with a window of 1 and 1 taken from one step before to one step after: for 90
/// seconds at a period of 30 ([`lifetime`](Self::lifetime)). That allows for a clock that is 30 seconds wrong, for slow
/// typing and slow networks (RFC 6238 §5.2, §6). A wider window makes each guess as many times more likely as it has
/// more steps, and a code that was watched lives longer.
///
/// ```
/// use twofactor::otp::Window;
/// assert_eq!(Window::default(), Window::steps(1));
/// assert_eq!(Window::default().lifetime(30).as_secs(), 90);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    back: u8,
    ahead: u8,
}

impl Window {
    /// So many steps back and so many ahead. More than [`REACH`] are as many as [`REACH`].
    #[must_use]
    pub const fn new(back: u8, ahead: u8) -> Self {
        const MOST: u8 = REACH as u8;
        let (back, ahead) = (
            if back > MOST { MOST } else { back },
            if ahead > MOST { MOST } else { ahead },
        );
        Self { back, ahead }
    }

    /// So many steps each way; 0 is none but now's.
    #[must_use]
    pub const fn steps(each_way: u8) -> Self {
        Self::new(each_way, each_way)
    }

    /// Steps back, whose codes are of clocks that are slow, and of people.
    #[must_use]
    pub const fn back(self) -> u8 {
        self.back
    }

    /// Steps ahead, whose codes are of clocks that are fast.
    #[must_use]
    pub const fn ahead(self) -> u8 {
        self.ahead
    }

    /// For how long one code is taken, where a step lasts `period` seconds.
    #[must_use]
    pub fn lifetime(self, period: u32) -> Duration {
        let steps = u64::from(self.back) + 1 + u64::from(self.ahead);
        Duration::from_secs(steps * u64::from(period))
    }
}

/// One step back and one ahead.
// RFC 6238 §5.2: "We RECOMMEND that at most one time step is allowed as the network delay."
impl Default for Window {
    fn default() -> Self {
        Self::steps(1)
    }
}

/// Where a code was found.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Every step or counter within the window that the code is right for, ascending. A code of six digits belongs to
    /// more than one in some hundred thousand cases; use all of them up.
    pub in_window: Vec<u64>,
    /// If there is none in the window: the nearest one outside it. This is no success, it tells of a wrong clock.
    pub outside: Option<Outside>,
}

/// A step outside the window.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The step, since 1970.
    pub step: u64,
    /// Seconds by which the device's clock is ahead; negative, if it is behind, or the code is old. A whole number of
    /// steps, so that it is right to within one.
    pub drift: i64,
}

impl Otp {
    /// The step of a time (RFC 6238 §4.2); 0 before 1970, and where a counter moves the codes.
    #[must_use]
    pub fn step_at(&self, now: SystemTime) -> u64 {
        let seconds = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        match self.parameters().moving() {
            Moving::Time { period } => seconds.checked_div(u64::from(period)).unwrap_or(0),
            Moving::Counter => 0,
        }
    }

    /// The code of a step or counter.
    #[must_use]
    pub fn code_at(&self, moving: u64) -> Code {
        self.engine().code(moving)
    }

    /// Where around `now` a code is right: in the window, or else within [`REACH`] steps each way. It does the same work
    /// whatever the code is, and remembers nothing: that a step is taken once only is up to the caller.
    ///
    /// If a counter moves the codes, nothing is found.
    #[must_use]
    pub fn find_at(&self, code: &Code, now: SystemTime, window: Window) -> Matches {
        let Moving::Time { period } = self.parameters().moving() else {
            return Matches::default();
        };
        let here = self.step_at(now);
        let steps = here.saturating_sub(REACH)..=here.saturating_add(REACH);
        let right = self.engine().all(code, steps);
        sort(right, here, window, period)
    }

    /// Where from the `next` counter on a code is right (RFC 4226 §7.4): there, or within `look_ahead` counters after
    /// it, for codes that were made and not used ([`LOOK_AHEAD`]). It does the same work whatever the code is. After a
    /// success, `next` is the greatest of what was found, plus one.
    ///
    /// If time moves the codes, nothing is found.
    #[must_use]
    pub fn find_from(&self, code: &Code, next: u64, look_ahead: u8) -> Matches {
        if self.parameters().moving() != Moving::Counter {
            return Matches::default();
        }
        let counters = next..=next.saturating_add(u64::from(look_ahead));
        Matches {
            in_window: self.engine().all(code, counters),
            outside: None,
        }
    }

    /// The counter of the second of two codes that follow each other, for a device that is further ahead (RFC 4226
    /// §7.4): [`RESYNC`] ahead, and more than [`MAX_RESYNC`] are as many as that. If there are several, the
    /// greatest: after it, none of these codes is right again.
    ///
    /// If time moves the codes, nothing is found.
    #[must_use]
    pub fn resync(&self, first: &Code, second: &Code, next: u64, look_ahead: u16) -> Option<u64> {
        if self.parameters().moving() != Moving::Counter {
            return None;
        }
        let last = next.saturating_add(u64::from(look_ahead.min(MAX_RESYNC)));
        let engine = self.engine();
        let firsts = engine.all(first, next..=last);
        let seconds = engine.all(second, next.saturating_add(1)..=last.saturating_add(1));
        let follow = |second: &u64| {
            firsts
                .iter()
                .any(|&first| first.checked_add(1) == Some(*second))
        };
        seconds.into_iter().rev().find(follow)
    }

    fn engine(&self) -> Engine {
        Engine::new(self.parameters(), self.secret())
    }
}

/// Within the window, or else the nearest.
fn sort(right: Vec<u64>, here: u64, window: Window, period: u32) -> Matches {
    let least = here.saturating_sub(u64::from(window.back));
    let most = here.saturating_add(u64::from(window.ahead));
    let (in_window, others): (Vec<u64>, Vec<u64>) = right
        .into_iter()
        .partition(|step| (least..=most).contains(step));
    let nearest = others.into_iter().min_by_key(|step| step.abs_diff(here));
    let outside = nearest
        .filter(|_| in_window.is_empty())
        .map(|step| Outside {
            step,
            drift: drift(step, here, period),
        });
    Matches { in_window, outside }
}

fn drift(step: u64, here: u64, period: u32) -> i64 {
    // At most `REACH` steps of at most 300 seconds.
    let seconds = i64::try_from(step.abs_diff(here))
        .unwrap_or(i64::MAX)
        .saturating_mul(i64::from(period));
    if step < here { -seconds } else { seconds }
}
