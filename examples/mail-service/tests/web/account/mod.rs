//! Login and account, over real TLS: what a browser without scripts does.

mod breached;
mod breaches;
mod browser;
mod chromium;
mod factors;
mod forms;
mod logins;
mod seal;
mod sessions;
mod tokens;

use super::world::{ACCOUNT, PASSWORD, World};
use browser::Browser;
use std::time::{Duration, SystemTime};
use twofactor::otp::{Otp, Parameters, Secret};

/// An app that shows codes, made of the key that the page has shown.
struct App(Otp);

impl App {
    fn of(key: &str) -> Self {
        let secret = Secret::from_base32(key).unwrap();
        Self(Otp::new(Parameters::default(), secret))
    }

    fn code(&self, at: SystemTime) -> String {
        self.0.code_at(self.0.step_at(at)).expose().to_owned()
    }
}

/// What comes with the second factor.
struct Enrolled {
    app: App,
    recovery: Vec<String>,
    app_password: String,
}

/// A service with an account.
async fn world() -> World {
    // Passkeys belong to an origin, so the port must be known before the service is.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let world = World::with(|config| {
        config.listen.pop3s = config.listen.https.clone();
        config.listen.https[0].set_port(port);
        config.limits.login_failures = 50;
    })
    .await;
    world.account().await;
    world
}

/// Somebody who has logged in with the password.
async fn logged_in(world: &World) -> Browser<'_> {
    let mut browser = Browser::new(world);
    let answer = browser.log_in(ACCOUNT, PASSWORD).await;
    assert_eq!((answer.status, answer.field("location")), (303, "/account"));
    browser
}

/// Sets up an app, as the page says.
async fn enrol(browser: &mut Browser<'_>) -> Enrolled {
    browser.get("/account/second-factor").await;
    let page = browser.post("/account/second-factor/enrol", &[]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let app = App::of(&page.inner("key"));
    let enrolment = page.value("enrolment");
    let code = app.code(browser.world.now());
    let fields = [
        ("enrolment", &*enrolment),
        ("code", &*code),
        ("app", "Mutt & co"),
    ];
    let done = browser
        .post("/account/second-factor/confirm", &fields)
        .await;
    assert_eq!(done.status, 200, "{}", done.text());
    let recovery = done.items("codes");
    assert_eq!(recovery.len(), 10);
    let app_password = done.inner("app-password");
    // That code is used up.
    browser.world.later(Duration::from_secs(30));
    Enrolled {
        app,
        recovery,
        app_password,
    }
}

/// The password has passed; what comes second is asked for.
async fn half_way(world: &World) -> Browser<'_> {
    let mut browser = Browser::new(world);
    let answer = browser.log_in(ACCOUNT, PASSWORD).await;
    assert_eq!(answer.field("location"), "/login/code");
    let page = browser.get("/login/code").await;
    assert_eq!(page.status, 200);
    browser
}
