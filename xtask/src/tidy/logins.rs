//! One budget over every way to log in: in the mail service passwords are looked at in one place, and each protocol that
//! takes them asks that place.

use super::source::{Source, code, has_word};

const SERVICE: &str = "examples/mail-service/src/";
/// Where passwords are looked at.
const HERE: &[&str] = &["auth.rs", "login.rs", "login/"];
/// What looks at one.
const LOOKS: &[&str] = &[
    "Passwords",
    "argon2",
    "verify_password",
    "first_factor",
    "protocol_login",
];
/// Signs that a file takes passwords: commands of POP3, IMAP and SMTP, mechanisms, HTTP's field, a form's.
const TAKES: &[&str] = &["AUTHORIZATION", "PLAIN", "SASL"];
const TAKES_TEXT: &[&str] = &[
    "\"PASS\"",
    "\"LOGIN\"",
    "\"AUTHENTICATE\"",
    ".secret(\"password\")",
];

/// The protocols that take passwords. A new one joins this list, and so the budget.
const PROTOCOLS: &[Protocol] = &[
    Protocol {
        place: "pop3/",
        asks: &["logins.mail("],
        each_file: false,
    },
    Protocol {
        place: "web/",
        asks: &["logins.web(", "logins.password("],
        each_file: true,
    },
];

struct Protocol {
    place: &'static str,
    /// One of these calls.
    asks: &'static [&'static str],
    /// In the very file that takes it, or else somewhere in the same place.
    each_file: bool,
}

pub(super) fn check(files: &[Source]) -> Vec<String> {
    let service: Vec<_> = files
        .iter()
        .filter(|file| file.is_rust() && !is_test(&file.path))
        .filter_map(|file| Some((file.path.strip_prefix(SERVICE)?, file)))
        .collect();
    let mut faults = Vec::new();
    for (path, file) in &service {
        if HERE.iter().any(|here| path.starts_with(here)) {
            continue;
        }
        for (at, line) in file.lines() {
            let line = code(line);
            for word in LOOKS.iter().filter(|word| has_word(line, word)) {
                faults.push(file.fault(
                    at,
                    &format!("`{word}` outside of {HERE:?}: a budget of its own"),
                ));
            }
        }
        let Some((at, _)) = file.lines().find(|(_, line)| takes(code(line))) else {
            continue;
        };
        let Some(protocol) = PROTOCOLS
            .iter()
            .find(|protocol| path.starts_with(protocol.place))
        else {
            let what = "takes passwords, and is no protocol of xtask/src/tidy/logins.rs";
            faults.push(file.fault(at, what));
            continue;
        };
        let asks = |(other, of): &(&str, &Source)| {
            let near = match protocol.each_file {
                true => other == path,
                false => other.starts_with(protocol.place),
            };
            near && protocol.asks.iter().any(|call| compact(of).contains(call))
        };
        if !service.iter().any(asks) {
            let what = format!("takes passwords, and asks none of {:?}", protocol.asks);
            faults.push(file.fault(at, &what));
        }
    }
    faults
}

/// The code without the blanks and ends of lines that a formatter puts into a call.
fn compact(file: &Source) -> String {
    let code = file
        .lines()
        .flat_map(|(_, line)| code(line).split_whitespace());
    code.collect()
}

fn takes(line: &str) -> bool {
    TAKES.iter().any(|word| has_word(line, word))
        || TAKES_TEXT.iter().any(|text| line.contains(text))
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const POP3: &[(&str, &str)] = &[
        ("pop3/session.rs", "(\"PASS\", State::User(user)) => {"),
        (
            "pop3/server.rs",
            "logins.mail(self.client, Scope::Pop3, &user, password).await",
        ),
        (
            "web/compose.rs",
            "fields.get_all(AUTHORIZATION);\nself.logins.password(client)",
        ),
        ("auth.rs", "use argon2::Argon2;\nstruct Passwords;"),
        ("login.rs", "passwords: Passwords,"),
    ];

    fn with(more: &[(&str, &str)]) -> Vec<String> {
        let mut files: Vec<(&str, &str)> = POP3.to_vec();
        for (path, text) in more {
            files.retain(|(other, _)| other != path);
            files.push((path, text));
        }
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| Source::new(&format!("{SERVICE}{path}"), text))
            .collect();
        check(&files)
    }

    #[test]
    fn passwords_are_looked_at_in_one_place() {
        assert_eq!(with(&[]), [""; 0]);
        assert_eq!(
            with(&[("imap/server.rs", "let ok = Passwords::new();")]).len(),
            1
        );
        assert_eq!(
            with(&[("web/reset.rs", "argon2::Argon2::default()")]).len(),
            1
        );
        assert_eq!(with(&[("web/reset.rs", "// as argon2 does")]), [""; 0]);
        assert_eq!(with(&[("login/tests.rs", "Passwords")]), [""; 0]);
    }

    #[test]
    fn a_protocol_that_takes_passwords_joins_the_budget() {
        for (path, text) in [
            ("imap/server.rs", "\"LOGIN\" => login(user, password),"),
            ("smtp/session.rs", "reply(\"250-AUTH PLAIN\")"),
            ("jmap.rs", "headers.get(AUTHORIZATION)"),
        ] {
            assert_eq!(with(&[(path, text)]).len(), 1, "{path}");
        }
        // A file of the site that takes one, and asks nobody; that another asks is not enough.
        assert_eq!(
            with(&[("web/door.rs", "form.secret(\"password\")")]).len(),
            1
        );
        // The call is gone.
        assert_eq!(with(&[("pop3/server.rs", "let right = true;")]).len(), 1);
        assert_eq!(with(&[("pop3/server.rs", "// logins.mail(")]).len(), 1);
        // A call on three lines is one.
        let lines = "form.secret(\"password\");\ndoor\n    .logins\n    .web(client)";
        assert_eq!(with(&[("web/login.rs", lines)]), [""; 0]);
    }
}
