//! Addresses, of user IDs and alone: normalised as the library does, and by ourselves where that needs no grammar.

use super::openpgp::packet::UserID;

use super::guard::caught;

/// The address of a user ID, normalised, if it has one.
pub(super) fn of(user_id: &UserID) -> Option<String> {
    of_user_id(user_id.value()).or_else(|| user_id.email_normalized().ok().flatten())
}

/// An address as those of user IDs are normalised; `None` if it is none.
pub(crate) fn normalized(address: &str) -> Option<String> {
    plain(address).or_else(|| {
        let user_id = UserID::from(format!("<{address}>"));
        caught(|| user_id.email_normalized().ok().flatten()).flatten()
    })
}

/// Most addresses are ASCII letters, digits and a few signs; these are normalised without the library's grammar of user IDs,
/// which costs as much as half a look-up. `None` is no verdict: ask the library.
fn plain(address: &str) -> Option<String> {
    let (local, domain) = address.split_once('@')?;
    let atom = |atom: &str| {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"_+-".contains(&octet);
        !atom.is_empty() && atom.bytes().all(fits)
    };
    let label = |label: &str| {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        let ends = label.starts_with('-') || label.ends_with('-');
        // With two hyphens it may be an encoded one, which has rules of its own.
        let coded = label.contains("--");
        !label.is_empty() && label.len() < 64 && label.bytes().all(fits) && !ends && !coded
    };
    let is_plain = local.split('.').all(atom) && domain.split('.').all(label);
    is_plain.then(|| address.to_ascii_lowercase())
}

/// The address of a user ID that says whose it is as most do: a name of letters, digits and a few signs, and the address between
/// angle brackets, or the address alone. `None` is no verdict: ask the library.
fn of_user_id(octets: &[u8]) -> Option<String> {
    let text = str::from_utf8(octets).ok()?;
    let Some(rest) = text.strip_suffix('>') else {
        return plain(text);
    };
    let (name, address) = rest.split_once('<')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || " .,'_-".contains(c) || !c.is_ascii();
    name.chars().all(fits).then(|| plain(address))?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_the_library(address: &str) -> Option<String> {
        whole(&format!("<{address}>"))
    }

    /// As the library reads the user ID.
    fn whole(text: &str) -> Option<String> {
        UserID::from(text).email_normalized().ok().flatten()
    }

    #[test]
    fn user_ids_as_most_have_them_need_no_grammar() {
        for (text, address) in [
            ("Ann <ann@example.org>", "ann@example.org"),
            ("Ann-Marie O'Neil, Jr. <Ann@Example.org>", "ann@example.org"),
            ("J\u{fc}rgen<j@example.org>", "j@example.org"),
            ("  <ann@example.org>", "ann@example.org"),
            ("ann@example.org", "ann@example.org"),
        ] {
            assert_eq!(of_user_id(text.as_bytes()).as_deref(), Some(address));
            assert_eq!(whole(text).as_deref(), Some(address));
        }
        for text in [
            "Ann",
            "Ann (home) <ann@example.org>",
            "Ann <ann@example.org> ",
            "Ann <ann@b\u{fc}cher.example>",
            "Ann <a> <ann@example.org>",
            "\u{7}<ann@example.org>",
            "mailto:ann@example.org",
            ">",
        ] {
            assert_eq!(of_user_id(text.as_bytes()), None, "{text}");
        }
        assert_eq!(of_user_id(b"\xff <ann@example.org>"), None);
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_library() {
        for address in [
            "ann",
            "ann@",
            "@example.org",
            "ann@@example.org",
            ".ann@example.org",
            "ann.@example.org",
            "a..b@example.org",
            "ann@example..org",
            "ann@-example.org",
            "ann@xn--bcher-kva.example",
            "ann@bücher.example",
            "\"ann\"@example.org",
            "ann@example.org ",
        ] {
            assert_eq!(plain(address), None, "{address}");
            assert_eq!(normalized(address), by_the_library(address), "{address}");
        }
        let found = plain("Ann.B+c_d-e@Mail-1.Example.ORG");
        assert_eq!(found.as_deref(), Some("ann.b+c_d-e@mail-1.example.org"));
    }

    proptest! {
        #[test]
        fn what_is_plain_is_what_the_library_says(
            address in "[aZ0._+-]{1,8}@[aZ0.-]{1,12}|[a-zA-Z0-9._+-]{1,70}@[a-z0-9.]{1,70}|[aA@.-]{1,9}",
        ) {
            if let Some(found) = plain(&address) {
                prop_assert_eq!(Some(found), by_the_library(&address));
            }
        }

        #[test]
        fn a_plain_user_id_is_what_the_library_says(
            text in "[a-zA-Z0-9 .,'_()\u{80}-\u{2ff}-]{0,12}(<?[aZ0._+-]{1,8}@[aZ0.-]{1,12}>?|<[aZ@]{1,9}>|.{0,9})",
        ) {
            if let Some(found) = of_user_id(text.as_bytes()) {
                prop_assert_eq!(Some(found), whole(&text));
            }
        }
    }
}
