//! Ports: all that a process may touch.
//!
//! Every effect of the core goes through one of these traits, so each is a point where a fault can strike in the
//! simulator and where a real component plugs in in production. All are object-safe: hold them as `Arc<dyn Store>`.
//!
//! | port | what it is | what its caller must handle |
//! |---|---|---|
//! | [`Store`], [`Transaction`] | one database | [`StoreError`]: conflict, unavailable, **unknown**, refused |
//! | [`Broker`], [`Subscription`] | at-least-once messaging | [`BrokerError`], and a [`PublishError`] for each message |
//! | [`External`] | a participant that is not ours | [`ExternalError`]: unavailable, **unknown**, refused |
//! | [`Clock`], [`Random`], [`Spawner`] | time, entropy, tasks | nothing |
//! | [`Ingress`] | requests from outside | the caller may ask again: key what you do |
//!
//! Each method is an [`Operation`], each call of one a [`Call`]: whatever stands between components and their callers -
//! faults, traces, metrics - is one [`Intercept`] for all of them.

mod answer;
mod broker;
mod clock;
mod draw;
mod external;
mod given_up;
mod ingress;
mod intercept;
mod one_writer;
mod operation;
mod port_error;
mod random;
mod refusal;
mod scope;
mod spawner;
mod steady;
mod store;
mod watched;
mod work;

use std::{fmt, sync::Arc};

pub use answer::{Answer, Answers};
pub use broker::{
    Broker, BrokerError, Delivery, DeliveryTag, Extended, PublishError, PublishResult, Subscription, SubscriptionSpec,
};
pub use clock::Clock;
pub use draw::draw_id;
pub use external::{External, ExternalCall, ExternalError};
pub use given_up::{GivenUp, TakesUp};
pub use ingress::{Ingress, Request, Response, UntilStop};
pub use intercept::{Intercept, InterceptTransaction, Intercepted, PortSpans};
pub use one_writer::OneWriter;
pub use operation::{Call, Operation, Port};
#[cfg(feature = "conformance")]
pub(crate) use operation::{store_methods, transaction_methods};
pub use port_error::{FailureKind, PortError};
pub use random::Random;
pub use refusal::Refusal;
pub use scope::Cancelled;
pub(crate) use scope::{Scopes, scoped};
pub use spawner::Spawner;
pub use steady::SteadyTime;
pub use store::*;
pub(crate) use watched::{AfterWork, Awaited, Watched};
pub(crate) use work::{Panicked, answered, caught, caught_now, unanswered, unanswered_statement, within};

use crate::stop::Stop;
pub use crate::time::Timestamp;

/// Ports of a process, given to it at boot. Cloning is cheap: all clones reach the same components.
///
/// A process is an async function of its ports, started anew at every boot; what it keeps elsewhere is lost in a crash.
#[derive(Clone)]
pub struct Ports {
    /// The process's database.
    pub store: Arc<dyn Store>,
    /// The message broker.
    pub broker: Arc<dyn Broker>,
    /// The process's clock, which may be skewed against the store's.
    pub clock: Arc<dyn Clock>,
    /// Participants that are not ours.
    pub external: Arc<dyn External>,
    /// The process's own source of randomness.
    pub random: Arc<dyn Random>,
    /// Starts concurrent tasks that live as long as the process.
    pub spawner: Arc<dyn Spawner>,
    /// Requests from outside.
    pub ingress: Arc<dyn Ingress>,
    /// Set when the process is asked to stop gracefully.
    pub stop: Stop,
}

impl Ports {
    /// Starts a task of the process beside others: it is dropped with the process. `name` is for traces.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawner.spawn(name, Box::pin(task));
    }

    /// Starts a task of the process that may fail. An error ends the task, and is said in the log and to the process, whose
    /// [spawner](Spawner::part_ended) hears of it: on tokio its health is an error from then on.
    ///
    /// ```
    /// use seaworthy_core::ports::{Ports, StoreError};
    ///
    /// async fn count(ports: Ports) -> Result<(), StoreError> {
    ///     while !ports.stop.is_set() {
    ///         println!("{} wait", ports.store.backlog().await?.outbox_unsettled);
    ///         ports.clock.idle(std::time::Duration::from_secs(60)).await;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// fn start(ports: &Ports) {
    ///     ports.try_spawn("count", count(ports.clone()));
    /// }
    /// # let _ = start;
    /// ```
    pub fn try_spawn<E: fmt::Display>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let spawner = self.spawner.clone();
        self.spawn(name, async move {
            let Err(why) = task.await.map_err(|error| error.to_string()) else { return };
            tracing::error!(task = name, error = %why, "a task of the process has failed: what it was for is not done any more");
            spawner.part_ended(name, &why);
        });
    }
}
