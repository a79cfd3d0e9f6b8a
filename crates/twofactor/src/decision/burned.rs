//! Which time steps of a TOTP factor are used up.

/// Steps each way, around now, that a code is looked for in: ten minutes at 30 seconds.
pub const REACH: u64 = 20;

/// Steps that are used up, and all before a floor: what was forgotten counts as used, so that a clock that is set back
/// opens nothing twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Burned {
    floor: u64,
    /// The step `floor + n` is bit n.
    bits: u64,
}

impl Burned {
    /// What a record holds.
    pub(crate) fn from_parts(floor: u64, bits: u64) -> Self {
        Self { floor, bits }
    }

    pub(crate) fn parts(self) -> (u64, u64) {
        (self.floor, self.bits)
    }

    /// Whether this step opens nothing any more.
    #[must_use]
    pub fn contains(self, step: u64) -> bool {
        match step.checked_sub(self.floor) {
            None => true,
            Some(above) => above < 64 && self.bits >> above & 1 == 1,
        }
    }

    /// Uses a step up, which is at most [`REACH`] away from `now`, the step of now. Older ones are forgotten, and one that
    /// is further ahead is not remembered: ask [`contains`](Self::contains) after.
    #[must_use]
    pub fn with(mut self, step: u64, now: u64) -> Self {
        let floor = now.saturating_sub(REACH);
        if let Some(forgotten) = floor.checked_sub(self.floor) {
            self.bits = u32::try_from(forgotten)
                .ok()
                .and_then(|by| self.bits.checked_shr(by))
                .unwrap_or_default();
            self.floor = floor;
        }
        if let Some(above @ 0..64) = step.checked_sub(self.floor) {
            self.bits |= 1 << above;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn a_clock_that_is_set_back_opens_nothing_twice() {
        let burned = Burned::default().with(1000, 1000).with(1041, 1040);
        assert!(burned.contains(1000), "forgotten, and below the floor");
        assert!(burned.contains(1041) && !burned.contains(1040));
        // The mutation: a set that only forgets would take it again.
        let forgetful: HashSet<u64> = HashSet::from([1041]);
        assert!(!forgetful.contains(&1000));
    }

    proptest! {
        #[test]
        fn what_was_burned_stays_burned_and_nothing_else_near_now(
            steps in proptest::collection::vec((0_u64..500, -20_i64..=20), 1..60)
        ) {
            let mut clock: Vec<_> = steps;
            clock.sort_unstable();
            let (mut burned, mut all, mut last) = (Burned::default(), HashSet::new(), 0);
            for (now, off) in clock {
                let (now, step) = (now + 1000, (now + 1000).saturating_add_signed(off));
                burned = burned.with(step, now);
                all.insert(step);
                last = now;
            }
            for step in &all {
                prop_assert!(burned.contains(*step));
            }
            for step in last - REACH..=last + REACH {
                prop_assert_eq!(burned.contains(step), all.contains(&step));
            }
        }

        #[test]
        fn no_numbers_make_it_panic(floor: u64, bits: u64, step: u64, now: u64) {
            let burned = Burned::from_parts(floor, bits).with(step, now);
            let _ = burned.contains(step);
            prop_assert!(burned.parts().0 >= floor);
        }
    }
}
