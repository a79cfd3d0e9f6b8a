//! Whoever works ends between any two operations on the store, as by `kill -9`, and another node goes on.

use super::*;
use crate::mailbox::{Once, Task};
use std::{future::poll_fn, pin::pin, task::Poll};

/// Lets it do so many operations on the store, and drops it before it sees the outcome of the last; whether it came to its end.
/// Each operation is done by a thread of the store's own, so that whoever waits for it is woken once it is done.
async fn stopped_after(work: impl Future, operations: usize) -> bool {
    let (mut work, mut done) = (pin!(work), 0);
    poll_fn(|context| {
        if done == operations {
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

/// One more breach for each moment at which the first node may end: how many times a mail is missing or there twice.
async fn damage(tells: impl AsyncFn(&Alerts<Breaches>)) -> usize {
    let stage = Stage::on_disk().await;
    stage.work(&stage.node()).await;
    let (mut damage, mut count, mut ended) = (0, 1, false);
    for operations in 0.. {
        let name = format!("Kettles {operations}.");
        stage.one_more(&stage.node(), &name).await;
        let node = stage.node();
        ended = stopped_after(tells(&node), operations).await;
        drop(node);
        let next = stage.node();
        // What the store was still doing.
        next.tell().await.unwrap();
        let told = next.tell().await.unwrap();
        assert!(told.is_nothing(), "{told:?}");
        count += 1;
        let mails = stage.mails(ACCOUNT).await;
        let named = mails.iter().filter(|mail| mail.contains(&name)).count();
        let listed = stage.listed(ACCOUNT).await;
        let is_listed = operations >= told::MOST - 1 || listed.len() == count;
        damage += usize::from(named != 1 || !is_listed);
        if ended {
            assert!(
                operations > 8,
                "{operations}: it was stopped at several moments"
            );
            break;
        }
    }
    assert!(ended);
    damage
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_between_any_two_operations_loses_no_mail_and_doubles_none() {
    assert_eq!(damage(async |node| drop(node.tell().await)).await, 0);
}

/// Tells as the real one does, but for one thing.
async fn tells_otherwise(node: &Alerts<Breaches>, acknowledges_first: bool) {
    let now = node.clock.now();
    for alert in node.monitor.next_alerts(None, None, now).await.unwrap() {
        let (to, about) = (Arc::from(alert.address.as_str()), told::About::of(&alert));
        let id = Id::of(&alert);
        let mail = words::mail(&alert, &about, &id, &node.hostname, now);
        if acknowledges_first {
            node.monitor.acknowledge(&alert.key, now).await.unwrap();
            let owner = node.accounts.owner(&to, now).await.unwrap();
            let (_, key, version) = owner.unwrap();
            let once = Once {
                task: Task::Note(id.key(&to).unwrap(), told::write(&about).unwrap()),
                guard: (key, version),
            };
            let deliver = node
                .mailboxes
                .deliver_once(&to, mail.as_bytes(), &once, now);
            deliver.await.unwrap();
        } else {
            let deliver = node.mailboxes.deliver(&[to], mail.as_bytes(), now);
            deliver.await.unwrap();
            node.monitor.acknowledge(&alert.key, now).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mutation_who_acknowledges_first_loses_mail_and_without_the_mark_it_comes_twice() {
    for acknowledges_first in [true, false] {
        let found = damage(async |node| tells_otherwise(node, acknowledges_first).await).await;
        assert!(found > 0, "{acknowledges_first}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_ends_while_accounts_are_looked_at_is_followed_by_one_who_goes_on() {
    let stage = Stage::on_disk().await;
    stage.work(&stage.node()).await;
    for operations in 0.. {
        let account = format!("u{operations}@b.test");
        stage.breaches.put(&account, &["Teapots"]);
        stage.add(&account).await;
        let node = stage.node();
        let began = stopped_after(node.watch(), operations).await;
        let next = stage.node();
        stage.work(&next).await;
        assert_eq!(stage.mails(&account).await.len(), 1, "{operations}");
        stage.remove(&account).await;
        let ended = stopped_after(stage.node().watch(), operations).await;
        stage.time.later(2 * HOUR);
        for _ in 0..2 {
            next.watch().await.unwrap();
            stage.time.later(2 * HOUR);
        }
        // Joe's record, his place and what he was told; and what is watched of him.
        assert_eq!(left(&stage).await, 4, "{operations}");
        if began && ended {
            assert!(operations > 5, "{operations}");
            return;
        }
    }
}
