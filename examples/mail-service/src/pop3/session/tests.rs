use super::*;
use proptest::prelude::*;

fn say(session: &mut Session, line: &str) -> (String, Action) {
    let mut out = Vec::new();
    let action = session.line_received(line.as_bytes(), &mut out);
    (String::from_utf8(out).unwrap(), action)
}

fn opened() -> Session {
    let mut session = Session::default();
    say(&mut session, "USER joe");
    let (_, action) = say(&mut session, "PASS a b ");
    let Action::Authenticate(credentials) = action else {
        panic!()
    };
    assert_eq!(credentials.user(), "joe");
    assert_eq!(credentials.into_password().as_str(), "a b ");
    let entries = vec![Entry::new(10, "x".into()), Entry::new(20, "y".into())];
    session.authenticated(Login::Opened(entries), &mut Vec::new());
    session
}

#[test]
fn a_session() {
    let mut session = opened();
    assert_eq!(say(&mut session, "STAT").0, "+OK 2 30\r\n");
    assert_eq!(say(&mut session, "list 2").0, "+OK 2 20\r\n");
    assert_eq!(say(&mut session, "UIDL").0, "+OK\r\n1 x\r\n2 y\r\n.\r\n");
    assert_eq!(say(&mut session, "RETR 2").1, Action::Send(1, Part::Whole));
    assert_eq!(
        say(&mut session, "TOP 1 5").1,
        Action::Send(0, Part::Top(5))
    );
    assert_eq!(say(&mut session, "DELE 1").0, "+OK\r\n");
    assert!(say(&mut session, "DELE 1").0.starts_with("-ERR"));
    assert!(say(&mut session, "RETR 1").0.starts_with("-ERR"));
    assert_eq!(
        say(&mut session, "LIST").0,
        "+OK 1 messages, 20 octets\r\n2 20\r\n.\r\n"
    );
    assert_eq!(say(&mut session, "QUIT").1, Action::Update(vec![0]));
    say(&mut session, "RSET");
    assert_eq!(say(&mut session, "QUIT").1, Action::Update(vec![]));
    for bad in [
        "LIST 0", "LIST 3", "RETR", "TOP 1", "RETR x", "USER joe", "DELE -1", "STAT 1", "DELE 1 2",
        "TOP 1 -1", "PASS x",
    ] {
        assert!(say(&mut session, bad).0.starts_with("-ERR"), "{bad}");
    }
}

/// RFC 2449 §5 and §6: the same before and after the login.
#[test]
fn capabilities_are_what_there_is() {
    for mut session in [Session::default(), opened()] {
        let (said, action) = say(&mut session, "capa");
        assert_eq!(action, Action::Continue);
        let lines: Vec<_> = said.split("\r\n").collect();
        let [first, tags @ .., end, ""] = lines.as_slice() else {
            panic!("{said:?}")
        };
        assert!(first.starts_with("+OK") && *end == ".", "{said:?}");
        for tag in [
            "TOP",
            "USER",
            "UIDL",
            "RESP-CODES",
            "AUTH-RESP-CODE",
            "PIPELINING",
        ] {
            assert!(tags.contains(&tag), "{tag}");
        }
    }
}

/// What was deleted is asked for again by honest clients; nonsense is not said so often.
#[test]
fn nonsense_ends_a_session_and_deleted_messages_do_not() {
    let mut session = opened();
    say(&mut session, "DELE 1");
    for _ in 0..2 * MAX_ERRORS {
        assert_eq!(say(&mut session, "LIST 1").1, Action::Continue);
    }
    let ends = (0..MAX_ERRORS).map(|_| say(&mut session, "XYZZY").1);
    let ends: Vec<_> = ends.collect();
    assert_eq!(ends.last(), Some(&Action::Close));
    assert_eq!(ends.iter().filter(|&a| *a == Action::Close).count(), 1);
}

#[test]
fn nothing_without_a_login() {
    let mut session = Session::default();
    for early in ["STAT", "RETR 1", "PASS x"] {
        assert!(say(&mut session, early).0.starts_with("-ERR"), "{early}");
    }
    assert_eq!(say(&mut session, "QUIT").1, Action::Close);
    let actions = (0..3).map(|_| session.authenticated(Login::Refused, &mut Vec::new()));
    assert_eq!(actions.last(), Some(Action::Close));
    let secret = Credentials {
        user: "joe".into(),
        password: Zeroizing::new("tops".into()),
    };
    assert!(!format!("{secret:?}").contains("tops"));
}

#[test]
fn what_a_refusal_says_is_for_programs_and_for_people() {
    let said = |login| {
        let (mut session, mut out) = (Session::default(), Vec::new());
        let action = session.authenticated(login, &mut out);
        (String::from_utf8(out).unwrap(), action)
    };
    let (refused, action) = said(Login::Refused);
    assert!(refused.starts_with("-ERR [AUTH] ") && refused.contains("app password"));
    assert_eq!(action, Action::Continue);
    let (wait, action) = said(Login::Throttled(Duration::from_millis(29_500)));
    assert!(
        wait.starts_with("-ERR [LOGIN-DELAY] ") && wait.contains(" 30 seconds"),
        "{wait}"
    );
    assert_eq!(action, Action::Close);
    let (disabled, _) = said(Login::Disabled);
    assert!(
        disabled.starts_with("-ERR [AUTH] too many failures"),
        "{disabled}"
    );
    let (unavailable, _) = said(Login::Unavailable);
    assert!(unavailable.starts_with("-ERR [SYS/TEMP] "), "{unavailable}");
    // RFC 2449 §4: "the maximum length of the first line of a command response is 512 octets".
    for text in [refused, wait, disabled, unavailable] {
        assert!(text.len() <= 512 && text.ends_with("\r\n"));
    }
}

fn sent(message: &[u8], part: Part) -> String {
    let whole = in_pieces(message, part, PIECE);
    for most in 2..7 {
        assert_eq!(in_pieces(message, part, most), whole, "pieces of {most}");
    }
    whole
}

fn in_pieces(message: &[u8], part: Part, most: usize) -> String {
    let (mut out, mut transfer) = (Vec::new(), Transfer::new(message, part));
    transfer.most = most;
    while transfer.next(&mut out) {}
    String::from_utf8(out).unwrap()
}

#[test]
fn messages_are_stuffed_and_cut() {
    let message = b".a: b\r\n\r\n.\r\n..x\r\nlast\r\n";
    assert_eq!(
        sent(message, Part::Whole),
        "+OK\r\n..a: b\r\n\r\n..\r\n...x\r\nlast\r\n.\r\n"
    );
    assert_eq!(sent(message, Part::Top(0)), "+OK\r\n..a: b\r\n\r\n.\r\n");
    assert_eq!(
        sent(message, Part::Top(1)),
        "+OK\r\n..a: b\r\n\r\n..\r\n.\r\n"
    );
    assert_eq!(sent(message, Part::Top(99)), sent(message, Part::Whole));
}

proptest! {
    #[test]
    fn nothing_panics(
        lines in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..12), 0..12),
    ) {
        let mut session = opened();
        for line in lines {
            session.line_received(&line, &mut Vec::new());
        }
    }

    /// The receiver of SMTP undoes what the sender of POP3 does: the same transparency.
    #[test]
    fn transparency(lines in proptest::collection::vec("[.a]{0,4}", 0..8)) {
        use crate::smtp::data::{Limits, Progress, Receiver};
        let message: String = lines.iter().map(|l| format!("{l}\r\n")).collect();
        let out = sent(message.as_bytes(), Part::Whole);
        let mut receiver = Receiver::new(Limits { message: 1000, line: 1000 });
        let got = receiver.push(out.as_bytes().strip_prefix(b"+OK\r\n").unwrap()).unwrap();
        let Progress::Done { message: got, .. } = got else { panic!() };
        prop_assert_eq!(got.unwrap(), message.into_bytes());
    }
}
