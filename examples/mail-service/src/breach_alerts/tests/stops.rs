//! Whoever works ends between any two commits, as by `kill -9`, and another node goes on.

use super::*;
use crate::mailbox::{Once, Task};
use breach_check::monitor::Alert;
use record_store::{Commit, Expect, Records};
use std::{future::poll_fn, pin::pin, task::Poll};

/// Most times that it may wait, and how often each is tried.
const WAITS: usize = 6;
const ROUNDS: usize = 4 * WAITS;

/// Lets it wait for the store so many times, and drops it before it sees what came of the last; whether it came to its end.
/// Each commit, and some of what is read, is done by a thread of the store's own: whoever waits is woken once it is done.
async fn stopped_after(work: impl Future, waits: usize) -> bool {
    let (mut work, mut done) = (pin!(work), 0);
    poll_fn(|context| {
        if done == waits {
            return Poll::Ready(false);
        }
        match work.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending => {
                done += 1;
                Poll::Pending
            }
        }
    })
    .await
}

/// One more breach for each time that a node ends somewhere in its work: how many times a mail is missing or there twice.
async fn damage(tells: impl AsyncFn(&Alerts<Breaches>)) -> usize {
    let stage = Stage::on_disk().await;
    stage.work(&stage.node()).await;
    let (mut damage, mut stopped) = (0, 0);
    for round in 0..ROUNDS {
        let name = format!("Kettles {round}.");
        stage.one_more(&stage.node(), &name).await;
        let ended = stopped_after(tells(&stage.node()), round % WAITS).await;
        stopped += usize::from(!ended);
        let next = stage.node();
        next.tell().await.unwrap();
        let told = next.tell().await.unwrap();
        assert!(told.is_nothing(), "{told:?}");
        let mails = stage.mails(ACCOUNT).await;
        let named = mails.iter().filter(|mail| mail.contains(&name)).count();
        let listed = stage.listed(ACCOUNT).await.len();
        damage += usize::from(named != 1 || listed != round + 2);
    }
    assert!(stopped > ROUNDS / 4, "{stopped}");
    damage
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_between_any_two_commits_loses_no_mail_and_doubles_none() {
    assert_eq!(damage(async |node| drop(node.tell().await)).await, 0);
}

/// The delivery alone, as the real one does it.
async fn delivers(node: &Alerts<Breaches>, alert: &Alert) {
    let (to, about, now) = (
        alert.address.as_str(),
        told::About::of(alert),
        node.clock.now(),
    );
    let id = Id::of(alert);
    let mail = words::mail(alert, &about, &id, &node.hostname, now);
    let (_, key, version) = node.accounts.owner(to, now).await.unwrap().unwrap();
    let once = Once {
        task: Task::Note(id.key(to).unwrap(), told::write(&about).unwrap()),
        guard: (key, version),
    };
    let (boxes, to) = (&node.mailboxes, Arc::from(to));
    boxes
        .deliver_once(&to, mail.as_bytes(), &once, now)
        .await
        .unwrap();
}

/// Tells as the real one does, but for one thing.
async fn tells_otherwise(node: &Alerts<Breaches>, acknowledges_first: bool) {
    let now = node.clock.now();
    for alert in node.monitor.next_alerts(None, None, now).await.unwrap() {
        if acknowledges_first {
            node.monitor.acknowledge(&alert.key, now).await.unwrap();
            delivers(node, &alert).await;
            continue;
        }
        let (to, about) = (Arc::from(alert.address.as_str()), told::About::of(&alert));
        let id = Id::of(&alert);
        let mail = words::mail(&alert, &about, &id, &node.hostname, now);
        let to = [to];
        let deliver = node.mailboxes.deliver(&to, mail.as_bytes(), now);
        deliver.await.unwrap();
        node.monitor.acknowledge(&alert.key, now).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mutation_who_acknowledges_first_loses_mail_and_without_the_mark_it_comes_twice() {
    for acknowledges_first in [true, false] {
        let found = damage(async |node| tells_otherwise(node, acknowledges_first).await).await;
        assert!(found > 0, "{acknowledges_first}");
    }
}

/// Its user dismisses what a node has delivered that ended then. What stays of the record is still the mark.
#[tokio::test]
async fn what_is_dismissed_before_it_is_acknowledged_is_not_told_again() {
    for is_kept in [true, false] {
        let stage = Stage::new(|_| {}).await;
        let node = stage.node();
        node.watch().await.unwrap();
        stage.ask(&node).await;
        let (now, store) = (stage.time.now(), &stage.fixture.store);
        let alerts = node.monitor.next_alerts(None, None, now).await.unwrap();
        delivers(&node, &alerts[0]).await;
        let id = stage.listed(ACCOUNT).await[0].id;
        if is_kept {
            told::dismiss(store, ACCOUNT, &id, now).await.unwrap();
        } else {
            // The mutation: a record that is removed is no mark.
            let remove = Commit::new().delete(&id.key(ACCOUNT).unwrap(), Expect::Anything);
            let _ = store.commit(remove, now).await.unwrap();
        }
        let told = stage.node().tell().await.unwrap();
        assert_eq!(
            (told.settled == 1, told.delivered == 1),
            (is_kept, !is_kept)
        );
        let mails = stage.mails(ACCOUNT).await.len();
        assert_eq!(
            (mails, stage.listed(ACCOUNT).await.len()),
            if is_kept { (1, 0) } else { (2, 1) }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_while_accounts_are_looked_at_is_followed_by_one_who_goes_on() {
    let stage = Stage::on_disk().await;
    stage.work(&stage.node()).await;
    let mut stopped = 0;
    for round in 0..2 * WAITS {
        let account = format!("u{round}@b.test");
        stage.breaches.put(&account, &["Teapots"]);
        stage.add(&account).await;
        let began = stopped_after(stage.node().watch(), round % WAITS).await;
        let next = stage.node();
        stage.work(&next).await;
        assert_eq!(stage.mails(&account).await.len(), 1, "{round}");
        stage.remove(&account).await;
        let ended = stopped_after(stage.node().watch(), round % WAITS).await;
        stopped += usize::from(!began) + usize::from(!ended);
        for _ in 0..2 {
            stage.time.later(2 * HOUR);
            next.watch().await.unwrap();
        }
        // Joe's record, his place, that he is watched, and what he was told.
        assert_eq!(left(&stage).await, 4, "{round}");
    }
    assert!(stopped > WAITS, "{stopped}");
}
