use crate::{Answer, Query};
use std::{
    future::Future,
    sync::Arc,
    time::{Instant, SystemTime},
};

/// Answers questions. What protocols need, not a general DNS client.
///
/// Implementers may write `async fn`. An implementation follows aliases and gives the records of
/// the type that was asked for, none of them twice (RFC 2181 §5). It returns
/// [`Failure::Timeout`](crate::Failure::Timeout) when nothing came before the deadline, and never
/// turns a failure into an empty answer.
pub trait Resolver: Send + Sync {
    /// Asks one question. `now` judges what a cache holds; after `deadline` nobody waits any more.
    fn resolve(
        &self,
        query: &Query,
        now: SystemTime,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send;
}

impl<R: Resolver + ?Sized> Resolver for &R {
    fn resolve(
        &self,
        query: &Query,
        now: SystemTime,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send {
        R::resolve(self, query, now, deadline)
    }
}

impl<R: Resolver + ?Sized> Resolver for Arc<R> {
    fn resolve(
        &self,
        query: &Query,
        now: SystemTime,
        deadline: Instant,
    ) -> impl Future<Output = Answer> + Send {
        R::resolve(self, query, now, deadline)
    }
}
