use super::*;
use std::net::IpAddr;

const JOE: &str = "joe@b.test";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

fn basis(generation: u64) -> Basis {
    Basis::new("$argon2id$of-joe", generation)
}

fn login(generation: u64) -> Login {
    Login {
        account: JOE.into(),
        basis: basis(generation),
        how: How::Code,
        place: Where::new(IpAddr::from([192, 0, 2, 1]), "Firefox/1 Linux"),
    }
}

struct World {
    store: Arc<AnyStore>,
    sessions: Sessions,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(AnyStore::open("memory:").unwrap());
        Self {
            sessions: Sessions::new(store.clone()),
            store,
        }
    }

    async fn begin(&self, now: SystemTime) -> Token {
        self.sessions.begin(&login(1), now).await.unwrap()
    }

    /// The session, where the account's logins rest on this generation.
    async fn find_at(&self, token: &Token, generation: u64, now: SystemTime) -> Option<Session> {
        let now_there = async |_: &str| Ok::<_, Error>(Some(basis(generation)));
        self.sessions.find(token, now, now_there).await.unwrap()
    }

    async fn find(&self, token: &Token, now: SystemTime) -> Option<Session> {
        self.find_at(token, 1, now).await
    }
}

#[tokio::test]
async fn a_session_is_found_by_its_token_of_which_the_store_has_only_the_hash() {
    let world = World::new();
    let token = world.begin(at(0)).await;
    let found = world.find(&token, at(1)).await.unwrap();
    assert_eq!((found.account(), found.record.how), (JOE, How::Code));
    assert!(found.is_recent(at(599)) && !found.is_recent(at(600)));
    let page = world
        .store
        .scan(&Prefix::new(NAMESPACE, ()).unwrap(), None, 9, at(1))
        .await
        .unwrap();
    let [(key, record)] = &page.entries[..] else {
        panic!("{}", page.entries.len());
    };
    let holds = |octets: &[u8], part: &[u8]| octets.windows(part.len()).any(|w| w == part);
    let text = token.to_text();
    for octets in [key.as_bytes(), record.value().unwrap()] {
        assert!(!holds(octets, token.secret()) && !holds(octets, text.as_bytes()));
    }
    // Somebody else's token with the same tag opens nothing.
    let other = Token::new(JOE).unwrap();
    assert!(world.find(&other, at(1)).await.is_none());
}

#[tokio::test]
async fn it_ends_an_hour_after_its_last_use_and_a_day_after_its_login() {
    let world = World::new();
    let token = world.begin(at(0)).await;
    assert!(world.find(&token, at(3599)).await.is_some());
    // That was a use.
    assert!(world.find(&token, at(3599 + 3599)).await.is_some());
    assert!(world.find(&token, at(3599 + 3599 + 3600)).await.is_none());
    let token = world.begin(at(0)).await;
    for hour in 1..48 {
        let found = world.find(&token, at(hour * 1800)).await;
        assert_eq!(found.is_some(), hour * 1800 < 86_400, "{hour}");
    }
    assert!(world.find(&token, at(86_399)).await.is_some());
    assert!(world.find(&token, at(86_400)).await.is_none());
}

#[tokio::test]
async fn what_was_last_used_is_written_every_few_minutes_and_not_at_every_look() {
    let world = World::new();
    let token = world.begin(at(0)).await;
    let version = async |now| world.find(&token, now).await.unwrap().version;
    let first = version(at(1)).await;
    assert_eq!(version(at(299)).await, first);
    let second = version(at(300)).await;
    assert_ne!(second, first);
    assert_eq!(version(at(599)).await, second);
}

#[tokio::test]
async fn another_password_or_another_factor_ends_all_but_the_session_that_made_the_change() {
    let world = World::new();
    let (mine, other) = (world.begin(at(0)).await, world.begin(at(0)).await);
    let session = world.find(&mine, at(1)).await.unwrap();
    let renewed = world.sessions.changed(&session, basis(2), at(2)).await;
    let (again, renewed) = renewed.unwrap();
    assert_eq!((again.account(), again.made()), (JOE, at(0)));
    assert!(world.find_at(&other, 2, at(3)).await.is_none());
    assert!(
        world.find_at(&mine, 2, at(3)).await.is_none(),
        "the old token"
    );
    assert!(world.find_at(&renewed, 2, at(3)).await.is_some());
    // The mutation: as long as nothing has changed, the other one goes on. It was removed above, for good.
    assert!(world.find_at(&other, 1, at(3)).await.is_none());
    let third = world.begin(at(3)).await;
    assert!(world.find_at(&third, 1, at(4)).await.is_some());
    // Another password by the command line.
    let elsewhere = async |_: &str| Ok::<_, Error>(Some(Basis::new("$argon2id$another", 2)));
    let found = world.sessions.find(&renewed, at(4), elsewhere).await;
    assert!(found.unwrap().is_none());
    // An account that is gone.
    let gone = async |_: &str| Ok::<_, Error>(None);
    assert!(
        world
            .sessions
            .find(&third, at(4), gone)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_change_is_gone_on_with_once_and_never_by_a_session_that_was_ended() {
    let world = World::new();
    let token = world.begin(at(0)).await;
    let session = world.find(&token, at(1)).await.unwrap();
    let (_, renewed) = world
        .sessions
        .changed(&session, basis(2), at(2))
        .await
        .unwrap();
    // Twice at once: the second finds the session gone.
    let again = world.sessions.changed(&session, basis(3), at(2)).await;
    assert!(matches!(again, Err(Error::Ended)));
    let session = world.find_at(&renewed, 2, at(3)).await.unwrap();
    world.sessions.end(&session, at(3)).await.unwrap();
    let late = world.sessions.changed(&session, basis(3), at(3)).await;
    assert!(matches!(late, Err(Error::Ended)));
    assert!(world.sessions.list(JOE, at(4)).await.unwrap().is_empty());
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let world = World::new();
    let (mine, other) = (world.begin(at(0)).await, world.begin(at(1)).await);
    let of_others = Login {
        account: "ann@b.test".into(),
        ..login(1)
    };
    let ann = world.sessions.begin(&of_others, at(0)).await.unwrap();
    let session = world.find(&mine, at(2)).await.unwrap();
    assert_eq!(world.sessions.list(JOE, at(2)).await.unwrap().len(), 2);
    assert_eq!(world.sessions.end_others(&session, at(2)).await.unwrap(), 1);
    assert!(world.find(&mine, at(2)).await.is_some());
    assert!(world.find(&other, at(2)).await.is_none());
    assert!(world.find(&ann, at(2)).await.is_some());
    // More than there may be: the first one goes.
    for second in 0..MOST as u64 {
        world.begin(at(10 + second)).await;
    }
    assert_eq!(world.sessions.list(JOE, at(99)).await.unwrap().len(), MOST);
    assert!(world.find(&mine, at(99)).await.is_none());
}

#[tokio::test]
async fn the_history_is_short_and_goes_with_the_account() {
    let world = World::new();
    let place = login(1).place;
    for second in 0..70 {
        let noted = world
            .sessions
            .note(JOE, What::PasswordChanged, &place, at(second));
        noted.await.unwrap();
    }
    world.begin(at(70)).await;
    let entries = world.sessions.history(JOE, at(71)).await.unwrap();
    assert_eq!(entries.len(), history::MOST);
    assert_eq!(entries[0].what, What::LoggedIn(How::Code));
    assert_eq!((entries[1].at, entries[49].at), (at(69), at(21)));
    assert_eq!(
        world.sessions.entries(JOE, at(71)).await.unwrap().len(),
        history::MOST
    );
    let later = at(70) + history::KEPT;
    assert!(world.sessions.history(JOE, later).await.unwrap().is_empty());
    world.sessions.erase(JOE, at(71)).await.unwrap();
    assert!(
        world
            .sessions
            .history(JOE, at(71))
            .await
            .unwrap()
            .is_empty()
    );
    assert!(world.sessions.list(JOE, at(71)).await.unwrap().is_empty());
}

#[tokio::test]
async fn failures_push_nothing_else_out() {
    let world = World::new();
    let place = login(1).place;
    world.begin(at(0)).await;
    for second in 1..200 {
        let noted = world
            .sessions
            .note(JOE, What::SecondFailed, &place, at(second));
        noted.await.unwrap();
    }
    let entries = world.sessions.history(JOE, at(200)).await.unwrap();
    let what: Vec<_> = entries.iter().map(|entry| entry.what).collect();
    assert_eq!(what, [What::SecondFailed, What::LoggedIn(How::Code)]);
}
