use std::future::Future;

/// Where work runs that takes long and waits for nothing: Argon2. A server runs it beside its runtime, on a pool that it
/// bounds:
///
/// ```
/// use twofactor::Offload;
///
/// struct Blocking;
///
/// impl Offload for Blocking {
///     async fn run<T: Send + 'static>(
///         &self,
///         work: impl FnOnce() -> T + Send + 'static,
///     ) -> Option<T> {
///         // With tokio: tokio::task::spawn_blocking(work).await.ok()
///         std::thread::spawn(work).join().ok()
///     }
/// }
/// ```
pub trait Offload: Send + Sync {
    /// Runs the work and gives its result; `None` if it was given up.
    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = Option<T>> + Send;
}

/// Runs the work right here: for programs that do one thing at a time.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing in it")]
pub struct Inline;

impl Offload for Inline {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        Some(work())
    }
}
