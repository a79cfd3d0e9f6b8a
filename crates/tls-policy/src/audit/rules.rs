//! The rule sets.

mod internet_nl;
mod tls;
mod tr_02102_2;
mod tr_03108;
mod tr_03116_4;
mod tr_03182;

pub use internet_nl::INTERNET_NL_MAIL_2026_07;
pub use tr_02102_2::{TR_02102_2_2025_01, TR_02102_2_2026_01};
pub use tr_03108::{TR_03108_1_0_2, TR_03108_2_0};
pub use tr_03116_4::TR_03116_4_2025;
pub use tr_03182::TR_03182_1_0;

use super::{Date, RuleSet};

/// All sets, the older editions of each before the newer.
pub static RULE_SETS: [&RuleSet; 7] = [
    &TR_02102_2_2025_01,
    &TR_02102_2_2026_01,
    &TR_03116_4_2025,
    &TR_03108_1_0_2,
    &TR_03108_2_0,
    &TR_03182_1_0,
    &INTERNET_NL_MAIL_2026_07,
];

/// The editions that count on that day.
pub fn rule_sets_on(today: Date) -> Vec<&'static RuleSet> {
    let counting = RULE_SETS.into_iter();
    counting.filter(|set| set.counts_on(today)).collect()
}
