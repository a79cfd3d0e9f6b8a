//! One step: look where things stand, take the lease and a place in the pace, ask, note what came.

use std::ops::Bound;
use std::time::{Duration, SystemTime};

use record_store::{Commit, Expect, MAX_PAGE, Outcome, Records, Version};

use super::names::{self, Hash, millis, time};
use super::octets::{Reader, Writer};
use super::pass::{Action, Pass, Phase, is_ahead};
use super::plan::{Plan, Way};
use super::user::User;
use super::watch::TRIES;
use super::{Error, Monitor, alert};
use crate::addresses::{self, Address, BreachName, Domain};
use crate::{Http, HttpFault};

/// After status 429 that names no time.
const TOO_MANY: Duration = Duration::from_secs(60);
/// New users that are looked at in one step.
const NEW: usize = 100;
/// After so many failures in a row at one user or domain, the pass goes on without it.
const PATIENCE: u8 = 3;

/// What a step did. The next one may follow at once, unless it names a time.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, for the pace of the plan, another server that asks, or a failure: nothing can be done before this time.
    Waited(SystemTime),
    /// It asked the service, and nobody is to be told anything.
    Asked,
    /// It asked the service, and there are so many new alerts.
    Alerted(usize),
    /// So many users cannot be asked about: the plan neither searches their domain nor has k-anonymity. **They are not
    /// watched**, which is for the operator to know. Nothing of them was sent.
    PlanLacks {
        /// How many.
        users: u64,
    },
    /// Nothing is to be done before this time, unless somebody is new to be watched.
    Idle(SystemTime),
}

/// Whom to ask about.
enum Target {
    Domain(Domain, Hash),
    User(Box<User>, Hash, Way),
}

enum Search {
    Found(Target),
    /// New users that cannot be asked about.
    Lacking(u64),
    /// Another server was faster.
    Nothing,
    /// The pass is at its end.
    Ended,
}

enum Begun {
    Go(Version),
    Wait(SystemTime),
}

/// What an answer led to.
#[derive(Default)]
struct Told {
    alerts: usize,
    /// There are users that cannot be told more.
    too_many: bool,
}

impl<R: Records, H: Http> Monitor<R, H> {
    /// Does what is next, with one request at most. To be called again at the time that it names, or at once.
    ///
    /// A failure of the service is an error once, for the operator; the steps after it wait, longer after each further
    /// one. Dropping the future loses at most the answer.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn step(&self, now: SystemTime) -> Result<Step, Error> {
        let at = millis(now);
        let (mut pass, expect) = self.pass(now).await?;
        if let Some(until) = pass.is_held(&self.holder, at).or_else(|| pass.waits(at)) {
            return Ok(Step::Waited(time(until)));
        }
        let (plan, plan_expect) = self.plan(now).await?;
        let has_new = !self.scan_new(1, now).await?.is_empty();
        match pass.next(&plan, has_new, &self.settings, at) {
            Action::Idle(until) => Ok(Step::Idle(time(until))),
            Action::Users => self.users(pass, expect, plan, plan_expect, now).await,
            action => {
                let version = match self.begin(&mut pass, expect, &plan, now).await? {
                    Begun::Go(version) => version,
                    Begun::Wait(until) => return Ok(Step::Waited(until)),
                };
                let mut to = Written {
                    pass,
                    plan: None,
                    pace: None,
                };
                match self.ask_general(action, &mut to, plan, now).await {
                    Ok(()) => self
                        .finish(to, version, plan_expect, now)
                        .await
                        .map(|()| Step::Asked),
                    Err(Error::Service(error)) => {
                        self.failed(error, to, version, plan_expect, now).await
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// What is not about users.
    async fn ask_general(
        &self,
        action: Action,
        to: &mut Written,
        mut plan: Plan,
        now: SystemTime,
    ) -> Result<(), Error> {
        let at = millis(now);
        match action {
            Action::Plan => {
                let said = self.client.plan().await.map_err(Error::Service)?;
                let had_none = plan.at != 0 && !plan.k_anonymity;
                (plan.at, plan.rpm) = (at, u64::from(said.rpm));
                (plan.k_anonymity, plan.has_domains) = (said.k_anonymity, false);
                if had_none && plan.k_anonymity {
                    to.pass.again();
                }
                to.pace = Some(at.saturating_add(plan.interval()));
                to.plan = Some(plan);
            }
            Action::Domains => {
                let said = self.client.subscribed_domains().await;
                let said = said.map_err(Error::Service)?.into_iter();
                let all = said.map(|one| self.key.domain(one.domain.as_str()));
                let is_first = to.pass.issue == 0;
                if plan.take_domains(all.collect())? && !is_first {
                    to.pass.again();
                }
                to.plan = Some(plan);
            }
            Action::Latest => {
                let latest = self.client.latest_breach().await.map_err(Error::Service)?;
                let latest = format!("{}\n{}", latest.name, latest.added_date);
                to.pass.latest(latest, &self.settings, at);
            }
            Action::Catalogue => {
                let Phase::Catalogue(latest) = to.pass.phase.clone() else {
                    return Ok(());
                };
                let all = self.client.breaches().await.map_err(Error::Service)?;
                // A list without the newest breach is not the whole list.
                let newest = latest.split('\n').next().unwrap_or_default();
                if !all.iter().any(|breach| breach.name.as_str() == newest) {
                    // Perhaps there is another one by now.
                    to.pass.phase = Phase::Idle;
                    to.pass.asked = 0;
                    return Err(Error::Service(addresses::Error::Malformed));
                }
                self.keep_catalogue(all, now).await?;
                to.pass.renewed(latest, at);
            }
            Action::Users | Action::Idle(_) => {}
        }
        Ok(())
    }

    async fn users(
        &self,
        mut pass: Pass,
        expect: Expect,
        plan: Plan,
        plan_expect: Expect,
        now: SystemTime,
    ) -> Result<Step, Error> {
        let (target, is_new) = match self.search(&mut pass, &plan, now).await? {
            (Search::Found(target), is_new) => (target, is_new),
            (Search::Lacking(users), _) => return Ok(Step::PlanLacks { users }),
            (Search::Nothing, _) => return Ok(Step::Waited(now)),
            (Search::Ended, _) => return self.ended(pass, expect, &plan, now).await,
        };
        let version = match self.begin(&mut pass, expect, &plan, now).await? {
            Begun::Go(version) => version,
            Begun::Wait(until) => return Ok(Step::Waited(until)),
        };
        let mut to = Written {
            pass,
            plan: None,
            pace: None,
        };
        let told = match self.ask(&target, &plan, to.pass.issue, now).await {
            Ok(told) => told,
            Err(Error::Service(error)) => {
                self.give_up(&error, &target, is_new, &mut to, plan, now)
                    .await?;
                return self.failed(error, to, version, plan_expect, now).await;
            }
            Err(error) => return Err(error),
        };
        if !is_new {
            to.pass.phase = target.behind();
        }
        self.finish(to, version, plan_expect, now).await?;
        match told {
            Told { too_many: true, .. } => Err(Error::TooMany),
            Told { alerts: 0, .. } => Ok(Step::Asked),
            Told { alerts, .. } => Ok(Step::Alerted(alerts)),
        }
    }

    /// Who is next, and whether because never asked about. The pass moves on over those that need no request of their own.
    async fn search(
        &self,
        pass: &mut Pass,
        plan: &Plan,
        now: SystemTime,
    ) -> Result<(Search, bool), Error> {
        let mut lacking = 0;
        for hash in self.scan_new(NEW, now).await? {
            let found = self.user(&hash, now).await?;
            let (address, target) = match found {
                Some((user, _)) if !user.checked => {
                    (Some(user.address.clone()), self.target(user, hash, plan))
                }
                Some((user, _)) => (Some(user.address), None),
                None => (None, None),
            };
            match target {
                Some(target) if lacking == 0 => return Ok((Search::Found(target), true)),
                Some(_) => break,
                None => lacking += self.unqueue(&hash, address.as_ref(), now).await?,
            }
        }
        if lacking > 0 {
            return Ok((Search::Lacking(lacking), true));
        }
        if pass.phase == Phase::Idle {
            return Ok((Search::Nothing, true));
        }
        if let Phase::Domains(after) = &pass.phase {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let behind = plan.domains.range((from, Bound::Unbounded));
            for hash in behind {
                let page = self.store.scan(&names::all_at(hash)?, None, 1, now).await?;
                let first = page.entries.first().and_then(|(key, _)| names::last(key));
                let Some(first) = first else { continue };
                let user = self.user(&first, now).await?;
                let domain = user.and_then(|(user, _)| Domain::parse(user.address.domain()));
                if let Some(domain) = domain {
                    return Ok((Search::Found(Target::Domain(domain, *hash)), false));
                }
            }
            pass.phase = Phase::Users(None);
        }
        let prefix = names::users()?;
        while let Phase::Users(after) = &pass.phase {
            let after = after.map(|hash| names::user(&hash)).transpose()?;
            let page = self
                .store
                .scan(&prefix, after.as_ref(), MAX_PAGE, now)
                .await?;
            for (key, found) in &page.entries {
                let hash = names::last(key).ok_or(Error::Damaged { what: "a user" })?;
                let user = User::from_octets(found.value()?)?;
                match self.target(user, hash, plan) {
                    // Done already, with its domain.
                    Some(Target::Domain(..)) => {}
                    Some(target) => return Ok((Search::Found(target), false)),
                    None => pass.lacking += 1,
                }
                pass.phase = Phase::Users(Some(hash));
            }
            if page.next.is_none() {
                return Ok((Search::Ended, false));
            }
        }
        Ok((Search::Ended, false))
    }

    fn target(&self, user: User, hash: Hash, plan: &Plan) -> Option<Target> {
        let domain = self.key.domain(user.address.domain());
        match plan.way(&domain, &self.settings) {
            Way::None => None,
            Way::Domain => {
                let parsed = Domain::parse(user.address.domain())?;
                Some(Target::Domain(parsed, domain))
            }
            way => Some(Target::User(Box::new(user), hash, way)),
        }
    }

    /// Asks, and notes for each user what came.
    async fn ask(
        &self,
        target: &Target,
        plan: &Plan,
        issue: u64,
        now: SystemTime,
    ) -> Result<Told, Error> {
        let mut told = Told::default();
        match target {
            Target::User(user, hash, way) => {
                let address = &user.address;
                let names = match way {
                    Way::ByName => self.client.breaches_of_by_name(address).await,
                    _ => self.by_range(plan, address).await,
                };
                let names = names.map_err(Error::Service)?;
                self.note(hash, address, &names, issue, &mut told, now)
                    .await?;
            }
            Target::Domain(domain, at) => {
                let all = self.client.domain(domain).await.map_err(Error::Service)?;
                let (prefix, mut after) = (names::all_at(at)?, None);
                loop {
                    let page = self
                        .store
                        .scan(&prefix, after.as_ref(), MAX_PAGE, now)
                        .await?;
                    for hash in page.entries.iter().filter_map(|(key, _)| names::last(key)) {
                        let Some((user, _)) = self.user(&hash, now).await? else {
                            continue;
                        };
                        // Who has moved since is asked about elsewhere.
                        if user.address.domain() != domain.as_str() {
                            continue;
                        }
                        let names = all.breaches_of(user.address.local());
                        let names = names.map_err(Error::Service)?;
                        self.note(&hash, &user.address, &names, issue, &mut told, now)
                            .await?;
                    }
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(told)
    }

    async fn by_range(
        &self,
        plan: &Plan,
        address: &Address,
    ) -> Result<Vec<BreachName>, addresses::Error> {
        let hash = address.hash();
        let call = self
            .client
            .service()
            .range_of(plan.k_anonymity, hash.range())?;
        let answer = self.client.send(call).await?;
        let of = answer.of(&hash).ok_or(addresses::Error::Malformed)?;
        Ok(of.to_vec())
    }

    /// The address is in these breaches: whoever has not been told is to be. What is told is noted by the same commit.
    async fn note(
        &self,
        hash: &Hash,
        address: &Address,
        names: &[BreachName],
        issue: u64,
        told: &mut Told,
        now: SystemTime,
    ) -> Result<(), Error> {
        let catalogue = self.catalogue(issue, now).await?;
        for _ in 0..TRIES {
            let Some((mut user, version)) = self.user(hash, now).await? else {
                return Ok(());
            };
            // What came is about another address than the user has now.
            if user.address != *address {
                return Ok(());
            }
            let before = user.clone();
            let known = |name: &BreachName| catalogue.get(name);
            let found = user.found(names, known, &self.settings, &self.key);
            let (news, is_all) = match found {
                Ok(found) => found,
                Err(Error::TooMany) => {
                    told.too_many = true;
                    self.unqueue(hash, Some(address), now).await?;
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            if user == before {
                return Ok(());
            }
            let mut commit = alert::put(Commit::new(), hash, &user, &news, now)?;
            commit = self.put_user(commit, hash, &user, Expect::Version(version))?;
            if user.checked && !before.checked {
                commit = commit.delete(&names::new(hash)?, Expect::Anything);
            }
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => {
                    told.alerts += news.len();
                    if is_all {
                        return Ok(());
                    }
                }
                Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }

    /// Takes the lease, and the time of this request, in one commit.
    async fn begin(
        &self,
        pass: &mut Pass,
        expect: Expect,
        plan: &Plan,
        now: SystemTime,
    ) -> Result<Begun, Error> {
        let at = millis(now);
        let (next, pace) = self.pace(now).await?;
        if let Some(until) = is_ahead(next, at) {
            return Ok(Begun::Wait(time(until)));
        }
        pass.hold(&self.holder, at);
        let next = at.saturating_add(plan.interval());
        let commit = Commit::new()
            .put(&names::pass()?, pass.to_octets(), expect)
            .put(&names::pace()?, Writer::new().u64(next).finish(), pace);
        match self.store.commit(commit, now).await? {
            Outcome::Committed(version) => Ok(Begun::Go(version)),
            Outcome::Conflict(_) => Ok(Begun::Wait(time(next))),
            Outcome::Unknown => Err(Error::InDoubt),
        }
    }

    async fn pace(&self, now: SystemTime) -> Result<(u64, Expect), Error> {
        let Some(found) = self.store.get(&names::pace()?, now).await? else {
            return Ok((0, Expect::Absent));
        };
        let next = Reader::new(found.value()?).and_then(|mut from| from.u64());
        let next = next.ok_or(Error::Damaged { what: "the pace" })?;
        Ok((next, Expect::Version(found.version())))
    }

    /// No server asks before this.
    async fn postpone(&self, until: u64, now: SystemTime) -> Result<(), Error> {
        for _ in 0..TRIES {
            let (next, expect) = self.pace(now).await?;
            if is_ahead(next, until).is_some() || next == until {
                return Ok(());
            }
            let value = Writer::new().u64(until).finish();
            let commit = Commit::new().put(&names::pace()?, value, expect);
            match self.store.commit(commit, now).await? {
                Outcome::Committed(_) => return Ok(()),
                Outcome::Conflict(_) => {}
                Outcome::Unknown => return Err(Error::InDoubt),
            }
        }
        Err(Error::Contended)
    }

    /// Notes where things stand. If another server has taken over, what it notes counts.
    async fn finish(
        &self,
        mut to: Written,
        version: Version,
        plan_expect: Expect,
        now: SystemTime,
    ) -> Result<(), Error> {
        (to.pass.failures, to.pass.retry) = (0, 0);
        self.write(to, version, plan_expect, now).await
    }

    async fn write(
        &self,
        mut to: Written,
        version: Version,
        plan_expect: Expect,
        now: SystemTime,
    ) -> Result<(), Error> {
        let expect = Expect::Version(version);
        // Whoever comes next may go on.
        to.pass.lease = 0;
        let mut commit = Commit::new().put(&names::pass()?, to.pass.to_octets(), expect);
        if let Some(plan) = &to.plan {
            commit = commit.put(&names::plan()?, plan.to_octets(), plan_expect);
        }
        if let Some(next) = to.pace {
            // It was written together with the pass.
            let value = Writer::new().u64(next).finish();
            commit = commit.put(&names::pace()?, value, expect);
        }
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) | Outcome::Conflict(_) => Ok(()),
            Outcome::Unknown => Err(Error::InDoubt),
        }
    }

    async fn ended(
        &self,
        mut pass: Pass,
        expect: Expect,
        plan: &Plan,
        now: SystemTime,
    ) -> Result<Step, Error> {
        pass.ended();
        let commit = Commit::new().put(&names::pass()?, pass.to_octets(), expect);
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => {}
            Outcome::Conflict(_) => return Ok(Step::Waited(now)),
            Outcome::Unknown => return Err(Error::InDoubt),
        }
        if pass.lacked > 0 {
            let users = pass.lacked;
            return Ok(Step::PlanLacks { users });
        }
        Ok(match pass.next(plan, false, &self.settings, millis(now)) {
            Action::Idle(until) => Step::Idle(time(until)),
            _ => Step::Idle(now),
        })
    }

    /// The service failed: it is left alone for a while.
    async fn failed(
        &self,
        error: addresses::Error,
        mut to: Written,
        version: Version,
        plan_expect: Expect,
        now: SystemTime,
    ) -> Result<Step, Error> {
        let at = millis(now);
        let after = match error {
            addresses::Error::TooMany { retry_after } => {
                let wait = super::settings::millis_of(retry_after.unwrap_or(TOO_MANY));
                let until = at.saturating_add(wait);
                self.postpone(until, now).await?;
                self.write(to, version, plan_expect, now).await?;
                return Ok(Step::Waited(time(until)));
            }
            addresses::Error::Away { retry_after, .. } => retry_after,
            _ => None,
        };
        to.pass.failed(at, after);
        self.write(to, version, plan_expect, now).await?;
        Err(Error::Service(error))
    }

    /// What will not get better is not asked for until the plan is known anew; and one user or domain about which the
    /// service gives no answer does not keep the others from theirs. Nothing is noted of it, so that it counts as not asked.
    async fn give_up(
        &self,
        error: &addresses::Error,
        target: &Target,
        is_new: bool,
        to: &mut Written,
        mut plan: Plan,
        now: SystemTime,
    ) -> Result<(), Error> {
        let is_its_own = matches!(
            error,
            addresses::Error::Malformed
                | addresses::Error::Status { .. }
                | addresses::Error::Http(HttpFault::TooLong { .. })
        );
        let is_refused = *error == addresses::Error::Forbidden;
        let is_enough = is_its_own && to.pass.failures >= PATIENCE;
        match target {
            Target::Domain(_, hash) if is_refused || is_enough => {
                plan.domains.remove(hash);
                to.plan = Some(plan);
            }
            Target::User(_, _, Way::Range) if is_refused => {
                plan.k_anonymity = false;
                to.plan = Some(plan);
            }
            Target::User(user, hash, _) if is_enough => {
                if is_new {
                    self.unqueue(hash, Some(&user.address), now).await?;
                } else {
                    to.pass.phase = target.behind();
                }
                to.pass.failures = 0;
            }
            _ => {}
        }
        Ok(())
    }

    async fn scan_new(&self, limit: usize, now: SystemTime) -> Result<Vec<Hash>, Error> {
        let page = self
            .store
            .scan(&names::all_new()?, None, limit, now)
            .await?;
        let hashes = page.entries.iter().map(|(key, _)| names::last(key));
        let what = "a new user";
        hashes.collect::<Option<_>>().ok_or(Error::Damaged { what })
    }

    /// Whoever has this address is no longer new: how many that are. Somebody who has another one by now still is.
    async fn unqueue(
        &self,
        hash: &Hash,
        address: Option<&Address>,
        now: SystemTime,
    ) -> Result<u64, Error> {
        let (user, expect) = match self.user(hash, now).await? {
            Some((user, version)) => (Some(user), Expect::Version(version)),
            None => (None, Expect::Absent),
        };
        if user.as_ref().map(|user| &user.address) != address {
            return Ok(0);
        }
        let commit = Commit::new().delete(&names::new(hash)?, Expect::Anything);
        let commit = commit.guard(&names::user(hash)?, expect);
        match self.store.commit(commit, now).await? {
            Outcome::Committed(_) => Ok(u64::from(user.is_some_and(|user| !user.checked))),
            Outcome::Conflict(_) => Ok(0),
            Outcome::Unknown => Err(Error::InDoubt),
        }
    }
}

/// What is written in the end.
struct Written {
    pass: Pass,
    plan: Option<Plan>,
    /// The time of the next request, by a plan that was not known when this one was sent.
    pace: Option<u64>,
}

impl Target {
    /// Where the pass stands after it.
    fn behind(&self) -> Phase {
        match self {
            Self::Domain(_, hash) => Phase::Domains(Some(*hash)),
            Self::User(_, hash, _) => Phase::Users(Some(*hash)),
        }
    }
}
