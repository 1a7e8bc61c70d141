use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::ports::{Broker, Store};

/// A store adapter under test.
#[async_trait]
pub trait StoreSubject: Send + Sync {
    /// An empty store that nothing else uses. Each check asks for its own.
    async fn fresh(&self) -> Arc<dyn Store>;

    /// Lets at least `by` pass on the clock by which the stores judge leases and delays: moves a manual clock, or
    /// sleeps.
    async fn advance(&self, by: Duration);

    /// The checks' unit of time: leases and delays are one to ten of these. It must be long against a few statements
    /// of the store; a store on real time wants it as short as that allows.
    fn unit(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// Returns `true` if two transactions that write can be open at the same time. Where a store has a single writer,
    /// checks that need two are not applicable; those that let writers race are run for every store.
    fn concurrent_writers(&self) -> bool {
        true
    }

    /// Closes a store, sets back the clock by which it judges, and opens it again, as a process does that comes up while its
    /// clock is wrong. Nothing, the default, where a subject's stores do not outlive their process or their clock is nobody's
    /// to set: then the adapter has to show by tests of its own that time does not go back over a restart.
    async fn reopened(&self, store: Arc<dyn Store>, set_back_by: Duration) -> Option<Arc<dyn Store>> {
        let _ = (store, set_back_by);
        None
    }
}

/// A broker adapter under test.
#[async_trait]
pub trait BrokerSubject: Send + Sync {
    /// A broker without groups and messages, with a visibility timeout of [`BrokerSubject::visibility_timeout`]. Each
    /// check asks for its own; a broker that is shared may return another name space.
    async fn fresh(&self) -> Arc<dyn Broker>;

    /// Lets at least `by` pass on the broker's clock: moves a manual clock, or sleeps.
    async fn advance(&self, by: Duration);

    /// Returns how long a delivery may stay unacknowledged.
    fn visibility_timeout(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Returns how long a check waits before it takes it that nothing more comes. It must be short against the
    /// visibility timeout, and long against the way of a message.
    fn quiet(&self) -> Duration {
        self.visibility_timeout() / 10
    }

    /// A topic that the broker refuses because nobody is bound to it, if it refuses any.
    fn unroutable_topic(&self) -> Option<&str> {
        None
    }

    /// The size of a payload that the broker refuses, in bytes, if it refuses any.
    fn payload_bytes_refused(&self) -> Option<usize> {
        None
    }
}
