//! What may be chosen, by whom it is known, and in which words it is refused.

use super::*;
use crate::fixture::corpus;
use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

const ACCOUNT: &str = "ann.smith@b.test";
/// Known to the corpora and services here.
const BREACHED: &str = "gartenzwerge im mondlicht";
const GOOD: &str = "zwei Laternen über dem Hafen";

fn config(change: impl FnOnce(&mut crate::config::Password)) -> Config {
    let mut config = Config {
        hostname: "mail.lantern.test".into(),
        ..Config::default()
    };
    change(&mut config.password);
    config
}

fn rules(change: impl FnOnce(&mut crate::config::Password)) -> Rules {
    Rules::open(&config(change)).unwrap()
}

async fn code(rules: &Rules, typed: &str, opens: Opens) -> &'static str {
    match rules.choose(ACCOUNT, typed, opens).await {
        Ok(_) => "accepted",
        Err(why) => why.code(),
    }
}

#[tokio::test]
async fn the_rules_alone_without_asking_anybody() {
    let rules = rules(|_| {});
    let long = "ab cd".repeat(50);
    for (typed, alone, second) in [
        (GOOD, "accepted", "accepted"),
        ("14 code points", "password.short", "accepted"),
        ("7 chars", "password.short", "password.short"),
        (
            "ann.smith@b.test 1",
            "password.context.user",
            "password.context.user",
        ),
        (
            "L4ntern mail 2026",
            "password.context.service",
            "password.context.service",
        ),
        (
            "qwertyuiop1234567890",
            "password.common.keyboard",
            "password.common.keyboard",
        ),
        (
            "a tab\tis no character",
            "password.control",
            "password.control",
        ),
        (&long, "password.octets", "password.octets"),
    ] {
        assert_eq!(code(&rules, typed, Opens::Alone).await, alone, "{typed}");
        assert_eq!(
            code(&rules, typed, Opens::WithSecondFactor).await,
            second,
            "{typed}"
        );
    }
    // What is too long for a line of POP3 is so in octets, also in the normal form: one letter here is eighteen.
    let longest = "zwei Laternen ".repeat(17) + "am Hafen 7";
    assert_eq!(longest.len(), LONGEST);
    assert_eq!(code(&rules, &longest, Opens::Alone).await, "accepted");
    let longer = format!("{longest}.");
    assert_eq!(code(&rules, &longer, Opens::Alone).await, "password.octets");
    let grows = format!("{GOOD} {}", "\u{fdfa}".repeat(10));
    assert!(grows.len() < LONGEST);
    assert_eq!(code(&rules, &grows, Opens::Alone).await, "password.octets");
    // And nothing of it is looked at.
    let huge = "x".repeat(16 << 20);
    assert_eq!(code(&rules, &huge, Opens::Alone).await, "password.octets");
}

#[tokio::test]
async fn the_length_is_a_setting_and_eight_with_a_second_factor() {
    let rules = rules(|settings| settings.length = 20);
    for (typed, alone, second) in [
        ("19 letters go along", "password.short", "accepted"),
        ("20 letters go along.", "accepted", "accepted"),
        ("8 l3ttrs", "password.short", "accepted"),
        ("7 l3ttr", "password.short", "password.short"),
    ] {
        assert_eq!(code(&rules, typed, Opens::Alone).await, alone, "{typed}");
        assert_eq!(
            code(&rules, typed, Opens::WithSecondFactor).await,
            second,
            "{typed}"
        );
    }
    let guidance = |opens| rules.guidance(opens, Language::German);
    assert!(guidance(Opens::Alone).contains("mindestens 20 Zeichen"));
    assert!(guidance(Opens::WithSecondFactor).contains("mindestens 8 Zeichen"));
}

#[tokio::test]
async fn a_corpus_refuses_in_both_languages_and_a_gap_accepts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pwned.pages");
    let seldom = "laternenfest am kanal";
    corpus(&path, &[(BREACHED, 70), (seldom, 1)], &[GOOD]);
    let open = |seen, tweaks| {
        rules(|settings| {
            settings.corpus = Some(path.clone());
            (settings.seen, settings.tweaks) = (seen, tweaks);
        })
    };
    let strict = open(1, Switch::Off);
    let why = strict
        .choose(ACCOUNT, BREACHED, Opens::Alone)
        .await
        .unwrap_err();
    assert_eq!(why.code(), "password.breached");
    let said = |language| why.guidance(language).join(" ");
    assert!(
        said(Language::English).contains("known from breaches, where it was seen 64 to 127 times")
    );
    assert!(
        said(Language::German).contains("aus Datenlecks bekannt; es kam dort 64- bis 127-mal vor")
    );
    assert!(
        !said(Language::German).contains(BREACHED) && !format!("{why:?} {why}").contains(BREACHED)
    );
    // Typed on another keyboard it is the same one.
    assert_eq!(
        code(&strict, "gartenzwer\u{ff47}e im mondlicht", Opens::Alone).await,
        "password.breached"
    );
    let why = strict
        .choose(ACCOUNT, GOOD, Opens::Alone)
        .await
        .unwrap_err();
    assert!(why.is_undecided() && why.code() == "password.undecided");
    assert!(why.guidance(Language::English)[0].contains("could not be checked"));
    assert!(why.guidance(Language::German)[0].contains("konnte nicht geprüft werden"));
    // What cannot be found out and would be refused anyway is refused.
    assert_eq!(code(&strict, "short", Opens::Alone).await, "password.short");
    assert_eq!(
        code(&strict, seldom, Opens::Alone).await,
        "password.breached"
    );
    assert_eq!(
        code(&open(2, Switch::Off), seldom, Opens::Alone).await,
        "accepted"
    );
    // Another letter at the end.
    let tweaked = format!("{BREACHED}!");
    assert_eq!(code(&strict, &tweaked, Opens::Alone).await, "accepted");
    assert_eq!(
        code(&open(1, Switch::On), &tweaked, Opens::Alone).await,
        "password.tweaked"
    );
}

#[test]
fn a_corpus_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.pages");
    let open = || {
        let error =
            Rules::open(&config(|settings| settings.corpus = Some(path.clone()))).unwrap_err();
        Causes(&error).to_string()
    };
    let none = open();
    assert!(
        none.contains("none.pages: ") && none.contains("No such file"),
        "{none}"
    );
    std::fs::write(&path, "x".repeat(10_000)).unwrap();
    assert!(open().contains("this is no corpus"), "{}", open());
}

/// Answers questions for ranges with these lines, and says what it was asked.
fn service(lines: Option<String>) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet).unwrap();
            asked.extend_from_slice(&octet);
        }
        let answer = match lines {
            Some(lines) => format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{lines}",
                lines.len()
            ),
            None => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".into(),
        };
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_service_five_characters_are_asked_and_what_it_does_not_say_is_not_accepted() {
    let hash = PasswordHash::sha1(BREACHED);
    let (range, suffix) = (hash.range().to_string(), hash.hex()[5..].to_owned());
    let zeros = "0".repeat(35);
    let asking = |url: String| rules(|settings| settings.ranges = Some(url));
    for (lines, code_then) in [
        (
            Some(format!("{zeros}:1\r\n{suffix}:3")),
            "password.breached",
        ),
        (Some(format!("{zeros}:1")), "accepted"),
        (Some(format!("{zeros}:x")), "password.undecided"),
        (None, "password.undecided"),
    ] {
        let (url, asked) = service(lines);
        let rules = asking(url);
        assert_eq!(code(&rules, BREACHED, Opens::Alone).await, code_then);
        let asked = asked.join().unwrap();
        assert!(
            asked.starts_with(&format!("GET /range/{range} HTTP/1.1\r\n")),
            "{asked}"
        );
        assert!(!asked.contains(&suffix[..5]), "{asked}");
    }
    // Nobody is there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(
        code(&asking(url), BREACHED, Opens::Alone).await,
        "password.undecided"
    );
    // At a login nobody is asked.
    let (url, asked) = service(None);
    assert_eq!(
        asking(url).recheck(BREACHED, State::default()),
        State::default()
    );
    assert!(!asked.is_finished());
}

#[test]
fn the_corpus_is_the_one_that_lies_there_now() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pwned.pages");
    corpus(&path, &[("somebody else's", 1)], &[]);
    let rules = rules(|settings| settings.corpus = Some(path.clone()));
    let first = rules.recheck(BREACHED, State::default());
    assert!(!first.must_change() && first != State::default());
    assert_eq!(rules.recheck(BREACHED, first), first);
    // What is no corpus, or nothing, changes nothing.
    let kept = std::fs::read(&path).unwrap();
    let other = folder.path().join("other");
    std::fs::write(&other, "no corpus").unwrap();
    std::fs::rename(&other, &path).unwrap();
    for _ in 0..2 {
        assert_eq!(rules.recheck(BREACHED, first), first);
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(rules.recheck(BREACHED, first), first);
    // Another one is looked up in, once; and what must be changed must be, whatever comes later.
    corpus(&path, &[(BREACHED, 3)], &[]);
    let second = rules.recheck(BREACHED, first);
    assert!(second.must_change());
    std::fs::write(&other, &kept).unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert_eq!(rules.recheck(BREACHED, second), second);
    assert_eq!(rules.recheck(BREACHED, State::default()), first);
    // Updated in its place, by breach-check.
    let mut update = breach_check::corpus::Update::begin(&path).unwrap();
    let hash = PasswordHash::sha1(BREACHED);
    let (range, hashes) = (hash.range(), [Ok::<_, CorpusError>((hash, 9))]);
    update.range(range, hashes).unwrap();
    update.finish(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(rules.recheck(BREACHED, first).must_change());
}

#[test]
fn what_was_seen_too_seldom_or_is_not_known_is_asked_again_or_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pwned.pages");
    corpus(&path, &[("seldom", 3), ("often", 2000)], &["unknown"]);
    let rules = rules(|settings| {
        settings.corpus = Some(path.clone());
        settings.seen = 1 << 40;
    });
    let check = |word| rules.recheck(word, State::default());
    assert!(!check("seldom").must_change());
    assert_ne!(check("seldom"), State::default());
    // Who refuses more asks the same corpus once more.
    let strict = self::rules(|settings| settings.corpus = Some(path.clone()));
    assert!(strict.recheck("seldom", check("seldom")).must_change());
    // As when it is chosen, whatever the setting is.
    assert!(check("often").must_change());
    assert_eq!(check("unknown"), State::default());
    // A damaged page says nothing, and what is read of it later counts.
    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..12_288].fill(7);
    std::fs::write(&path, &damaged).unwrap();
    assert_eq!(check("often"), State::default());
    std::fs::write(&path, &whole).unwrap();
    assert!(check("often").must_change());
}
