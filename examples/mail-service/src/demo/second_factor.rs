//! A second factor: Carol's app shows codes, and her mail program gets a password of its own.

use super::{Stage, client};
use crate::{
    Accounts,
    login::{Logins, WebLogin},
    second_factor::user_of,
};
use std::{
    error::Error,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::SystemTime,
};
use twofactor::{
    Client, Confirmed, NewAppPassword, Pending, Refusal, Scope, Second,
    otp::{Label, Otp, Parameters, parse_uri},
};
use zeroize::Zeroizing;

const CAROL: &str = "carol@b.test";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Steps of 30 seconds by which the clock of a telephone is ahead that is five minutes wrong.
const WRONG: u64 = 10;

type Evidence = Result<Vec<String>, Box<dyn Error>>;

struct Scene<'a> {
    stage: &'a Stage,
    logins: &'a Logins,
    password: Zeroizing<String>,
    /// What her app knows.
    app: Otp,
    for_mail: Zeroizing<String>,
}

/// Shows it, a line each on `out`; how many lines failed.
pub(super) async fn show(stage: &Stage, out: &mut impl Write) -> Result<usize, Box<dyn Error>> {
    writeln!(out, "\nSecond factors:")?;
    let scene = Scene::new(stage).await?;
    let mut failures = 0;
    for (number, title, came) in [
        (
            23,
            "second factor: password, then the code of an app",
            scene.login().await,
        ),
        (
            24,
            "second factor: the same code a second time is refused",
            scene.replay().await,
        ),
        (
            25,
            "second factor: of a telephone whose clock is wrong, it says by how much",
            scene.drift().await,
        ),
        (
            26,
            "second factor: POP3 takes the app password, and the password no more",
            scene.mail().await,
        ),
    ] {
        match came {
            Ok(evidence) => {
                writeln!(out, "PASS {number} {title}")?;
                for line in evidence {
                    writeln!(out, "       {line}")?;
                }
            }
            Err(error) => {
                failures += 1;
                writeln!(out, "FAIL {number} {title}: {error}")?;
            }
        }
    }
    Ok(failures)
}

impl<'a> Scene<'a> {
    /// An account whose second factor is turned on, with the first app password.
    async fn new(stage: &'a Stage) -> Result<Self, Box<dyn Error>> {
        let (logins, password) = (stage.server.logins(), crate::new_password()?);
        let (factors, now) = (logins.two_factor(), logins.now());
        let accounts = Accounts::new(Arc::new(stage.config.open_store()?));
        let chosen = crate::Chosen::unchecked(&password);
        accounts.add(CAROL, &chosen, now).await?;
        let (user, label) = (user_of(CAROL)?, Label::new(CAROL)?);
        let enrolment = factors.enrol(&user, &label, Parameters::default(), now);
        let enrolment = enrolment.await?;
        // As an app reads it off the screen.
        let app = parse_uri(&enrolment.uri())?.otp;
        let first = NewAppPassword {
            name: "The mail program",
            scopes: Scope::Pop3.into(),
        };
        // The step before, so that the code of now is left for the login.
        let code = code(&app, app.step_at(now).saturating_sub(1));
        let id = enrolment.id();
        let confirmed = factors.confirm(&user, &id, &code, Some(first), now).await?;
        let Confirmed::On(on) = confirmed else {
            return Err("the first code was not taken".into());
        };
        let for_mail = on.app_password.ok_or("no app password was made")?;
        Ok(Self {
            stage,
            logins,
            password,
            app,
            for_mail: for_mail.text(),
        })
    }

    async fn pending(&self) -> Result<Pending, Box<dyn Error>> {
        let password = self.password.clone();
        match self.logins.web(HERE, None, CAROL, password).await {
            WebLogin::Second(pending, methods) if methods.otps == 1 => Ok(pending),
            other => Err(format!("after the password: {other:?}").into()),
        }
    }

    async fn second(&self, steps: u64, now: SystemTime) -> Result<Second, Box<dyn Error>> {
        let code = code(&self.app, self.app.step_at(now).saturating_add(steps));
        let (pending, client) = (self.pending().await?, Client::web(HERE, None));
        let factors = self.logins.two_factor();
        Ok(factors.code(&pending, &client, &code, now).await?)
    }

    async fn login(&self) -> Evidence {
        let now = self.logins.now();
        let Second::Passed(passed) = self.second(0, now).await? else {
            return Err("the code of this moment was refused".into());
        };
        let left = passed.recovery_left;
        Ok(vec![
            "after the password alone nothing is open yet".into(),
            format!("then the code lets her in; {left} recovery codes are left for bad days"),
        ])
    }

    async fn replay(&self) -> Evidence {
        // One step on, so that it is a code that nobody has used.
        let now = self.logins.now();
        let tries = [self.second(1, now).await?, self.second(1, now).await?];
        let [Second::Passed(_), Second::Refused(Refusal::Replayed)] = tries else {
            return Err(format!("{tries:?}").into());
        };
        Ok(vec![
            "the first use passes, the second does not, at whichever node (2fa.replayed)".into(),
        ])
    }

    async fn drift(&self) -> Evidence {
        let now = self.logins.now();
        match self.second(WRONG, now).await? {
            Second::Refused(Refusal::Drifted { seconds }) => Ok(vec![format!(
                "refused, and told: \"your telephone's clock is {seconds} seconds ahead\" (2fa.drifted)"
            )]),
            other => Err(format!("{other:?}").into()),
        }
    }

    async fn mail(&self) -> Evidence {
        let letter =
            b"From: <alice@a.test>\r\nTo: <carol@b.test>\r\nSubject: hello\r\n\r\nIt is me.\r\n";
        let stage = self.stage;
        client::send(stage.smtp, &stage.tls, "alice@a.test", CAROL, letter).await?;
        let refused = client::fetch(stage.pop3s, &stage.tls, CAROL, &self.password).await;
        let said = match refused {
            Err(error) => error.to_string(),
            Ok(_) => return Err("the password alone was taken".into()),
        };
        if !(said.starts_with("-ERR [AUTH]") && said.contains("app password")) {
            return Err(said.into());
        }
        let (_, count) = client::fetch(stage.pop3s, &stage.tls, CAROL, &self.for_mail).await?;
        Ok(vec![
            format!("password: {said}"),
            format!("app password: {count} messages"),
        ])
    }
}

fn code(app: &Otp, step: u64) -> String {
    app.code_at(step).expose().to_owned()
}
