//! What is known of a breach.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::Error;

/// Most octets of a breach's name.
pub const MAX_NAME: usize = 128;
const MAX_TEXT: usize = 256;
const MAX_DESCRIPTION: usize = 16 * 1024;
const MAX_CLASSES: usize = 100;
const MAX_CLASS: usize = 48;

/// The name by which the service knows a breach, which never changes: 1 to [`MAX_NAME`] octets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BreachName(Arc<str>);

impl BreachName {
    /// Takes a name; nothing if it is none.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let fits = (1..=MAX_NAME).contains(&name.len()) && !name.contains(char::is_control);
        fits.then(|| Self(name.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BreachName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A breach, as the service describes it. Texts are of the service, which may be hostile: control characters are
/// blanks, and what is too long is cut.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Its name.
    pub name: BreachName,
    /// What it is called to people: at most 256 octets.
    pub title: String,
    /// The domain of the site; empty if there is none.
    pub domain: String,
    /// The day on which it happened, such as `2013-10-04`; it is not always known well.
    pub breach_date: String,
    /// When the service got it, such as `2013-12-04T00:00:00Z`.
    pub added_date: String,
    /// When the service last changed something about it.
    pub modified_date: String,
    /// How many accounts are in it.
    pub accounts: u64,
    /// What happened, as HTML that is not to be trusted: at most 16 KiB.
    pub description: String,
    /// What was lost: `Email addresses`, `Passwords`, …; at most 100.
    pub data_classes: Vec<String>,
    /// It is thought to be what it is said to be.
    pub is_verified: bool,
    /// Some or all of it is made up.
    pub is_fabricated: bool,
    /// That somebody is in it is itself a secret.
    pub is_sensitive: bool,
    /// The service shows it no more.
    pub is_retired: bool,
    /// It is a list of those who get unwanted mail.
    pub is_spam_list: bool,
    /// It was gathered by malware.
    pub is_malware: bool,
    /// It is of logs that malware wrote of what people typed.
    pub is_stealer_log: bool,
}

/// As it comes. What is not named here is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Raw {
    name: String,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    breach_date: Option<String>,
    #[serde(default)]
    added_date: Option<String>,
    #[serde(default)]
    modified_date: Option<String>,
    #[serde(default)]
    pwn_count: Option<u64>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    data_classes: Option<Vec<String>>,
    #[serde(default)]
    is_verified: bool,
    #[serde(default)]
    is_fabricated: bool,
    // Must be there: without it a sensitive breach would be told to anybody.
    is_sensitive: bool,
    #[serde(default)]
    is_retired: bool,
    #[serde(default)]
    is_spam_list: bool,
    #[serde(default)]
    is_malware: bool,
    #[serde(default)]
    is_stealer_log: bool,
}

impl TryFrom<Raw> for Breach {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        let name = BreachName::new(&raw.name).ok_or(Error::Malformed)?;
        let text = |text: Option<String>| clean(&text.unwrap_or_default(), MAX_TEXT);
        let classes = raw.data_classes.unwrap_or_default().into_iter();
        Ok(Self {
            name,
            title: text(raw.title),
            domain: text(raw.domain),
            breach_date: text(raw.breach_date),
            added_date: text(raw.added_date),
            modified_date: text(raw.modified_date),
            accounts: raw.pwn_count.unwrap_or_default(),
            description: clean(&raw.description.unwrap_or_default(), MAX_DESCRIPTION),
            data_classes: classes
                .take(MAX_CLASSES)
                .map(|class| clean(&class, MAX_CLASS))
                .collect(),
            is_verified: raw.is_verified,
            is_fabricated: raw.is_fabricated,
            is_sensitive: raw.is_sensitive,
            is_retired: raw.is_retired,
            is_spam_list: raw.is_spam_list,
            is_malware: raw.is_malware,
            is_stealer_log: raw.is_stealer_log,
        })
    }
}

/// Without control characters, and no longer than that.
fn clean(text: &str, most: usize) -> String {
    let cut = text
        .get(..text.floor_char_boundary(most))
        .unwrap_or_default();
    cut.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
