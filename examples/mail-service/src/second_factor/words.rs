//! What a user is told of his account, in English.

use twofactor::{Event, Kind};

/// A notice.
pub(super) struct Said {
    pub(super) subject: String,
    /// What happened.
    pub(super) headline: String,
    /// What to do, if it was somebody else.
    pub(super) advice: &'static str,
}

const CHANGED: &str = "If that was you, there is nothing to do. If it was not, somebody else can log in to your account: set a \
     new password, look at your second factors, app passwords and devices on the site, remove what is not yours, and tell your \
     administrator.";
const GUESSED: &str = "If you have mistyped, or a program still has an old password, there is nothing to fear. If not, somebody \
     is trying: nobody has got in by these tries. Choose a password that you use nowhere else, and turn on a second factor.";
const SEEN: &str = "A code opens once, so the second use was refused. If you have sent it twice yourself, there is nothing to \
     do. If not, somebody has seen your code, and knows your password: set a new one.";

/// The words for an event.
pub(super) fn say(event: Event) -> Said {
    let (subject, headline, advice) = match event {
        Event::Enrolled(Kind::Otp) => (
            "An app for login codes was added to your account".into(),
            "From now on a code is asked for after your password. Mail programs need an app password.".into(),
            CHANGED,
        ),
        Event::Enrolled(Kind::Passkey) => (
            "A passkey was added to your account".into(),
            "From now on it can be used after your password. Mail programs need an app password.".into(),
            CHANGED,
        ),
        Event::Enrolled(Kind::Recovery) => (
            "New recovery codes were made for your account".into(),
            "Older ones open nothing any more.".into(),
            CHANGED,
        ),
        Event::Enrolled(Kind::AppPassword) => (
            "An app password was made for your account".into(),
            "A mail program can log in with it, without a second factor.".into(),
            CHANGED,
        ),
        Event::Enrolled(Kind::Device) => (
            "A device is remembered for your account".into(),
            "On it no second factor is asked for after your password, for a time.".into(),
            CHANGED,
        ),
        Event::Removed(kind) => (
            format!("{} removed from your account", removed(kind)),
            "It opens nothing any more. If it was your only second factor, the password alone opens your account.".into(),
            CHANGED,
        ),
        Event::DuplicateCode => (
            "A login code of yours was used a second time".into(),
            "It was right, and had been used before.".into(),
            SEEN,
        ),
        Event::ManyFailures { with, failures } => (
            "Many failed logins to your account".into(),
            format!("{failures} tries in a row with {} have failed.", tried(with)),
            GUESSED,
        ),
        Event::RecoveryUsed { left } => (
            "A recovery code was used to log in to your account".into(),
            format!("It opens nothing any more. {left} are left; new ones can be made on the site."),
            CHANGED,
        ),
        Event::NewDevice => (
            "A login to your account from a new device".into(),
            "Nobody had logged in from it before, as far as this service knows.".into(),
            CHANGED,
        ),
        Event::PasswordChanged => (
            "The password of your account was changed".into(),
            "The older one opens nothing any more. Your second factor is as it was; who was logged in on the site was logged out."
                .into(),
            CHANGED,
        ),
        other => (
            "Something has changed that opens your account".into(),
            format!("This program calls it {}.", other.code()),
            CHANGED,
        ),
    };
    Said {
        subject,
        headline,
        advice,
    }
}

/// That the password must be changed.
pub(super) fn must_change() -> Said {
    Said {
        subject: "The password of your account must be changed".into(),
        headline: "At a login it was found among the passwords that are known from breaches of whatever services, so that others \
                   can try it. Until it is changed the site opens nothing else, and mail programs get in by app passwords alone."
            .into(),
        advice: "Log in on the site and choose a password that you use nowhere else; where there is no site, ask your administrator \
                 for a new one. If you use the old one elsewhere, change it there, too.",
    }
}

fn removed(kind: Kind) -> &'static str {
    match kind {
        Kind::Otp => "An app for login codes was",
        Kind::Passkey => "A passkey was",
        Kind::Recovery => "The recovery codes were",
        Kind::AppPassword => "An app password was",
        Kind::Device => "A remembered device was",
        _ => "Something that opened it was",
    }
}

fn tried(with: Kind) -> &'static str {
    match with {
        Kind::Password => "its password",
        Kind::Otp => "login codes, after the right password,",
        Kind::Recovery => "recovery codes, after the right password,",
        Kind::Passkey => "passkeys, after the right password,",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_words_of_its_own() {
        let kinds = [
            Kind::Otp,
            Kind::Passkey,
            Kind::Recovery,
            Kind::AppPassword,
            Kind::Device,
        ];
        let failures = |with| Event::ManyFailures { with, failures: 30 };
        let events = kinds
            .into_iter()
            .flat_map(|kind| [Event::Enrolled(kind), Event::Removed(kind)])
            .chain(kinds.into_iter().take(3).map(failures))
            .chain([
                Event::DuplicateCode,
                Event::RecoveryUsed { left: 3 },
                Event::NewDevice,
                Event::PasswordChanged,
            ]);
        let mut seen = std::collections::BTreeSet::new();
        for event in events {
            let said = say(event);
            let text = format!("{}\n{}", said.subject, said.headline);
            assert!(!text.contains("This program calls"), "{event:?}");
            assert!(!text.contains("omething"), "{event:?}: {text}");
            assert!(!said.advice.contains("  ") && said.subject.is_ascii());
            assert!(seen.insert(text), "{event:?}");
        }
        let Said {
            subject, headline, ..
        } = must_change();
        assert!(seen.insert(format!("{subject}\n{headline}")));
    }
}
