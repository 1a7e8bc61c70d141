//! The seam for users: what is run, what is asked of it, and what must hold.

mod client;
mod judges;

use std::sync::Arc;

use async_trait::async_trait;
use seaworthy_core::ports::{Clock, Store, Timestamp};

pub use crate::{
    draw::Draw,
    plan::workload::Workload,
    topology::{
        Column, Conserved, EffectTable, ExternalSpec, InboxTable, LockTable, Operator, OutboxTable, ProcessSpec,
        ServiceSpec, TableRow, Tables, Topology,
    },
};
pub(crate) use client::Outside;
pub use client::{Client, Overdue};
pub use judges::judges;
pub use seaworthy_core::boot::Boot;

use crate::invariants::Invariant;

/// Makes the store of a name, which reads the time from the clock that it is given.
pub type StoreFactory = Arc<dyn Fn(&str, Arc<dyn Clock>) -> Arc<dyn Store> + Send + Sync>;

/// A workflow under test: its processes, what the outside asks of them, and what must hold.
///
/// Everything is public API of this crate and of `seaworthy-core`; the processes are the very code that production runs.
#[async_trait]
pub trait Scenario: Send + Sync + 'static {
    /// Requests of the outside: part of the plan, so they are serialised with it.
    type Workload: Workload;

    /// Returns its name in plans and on the command line.
    fn name(&self) -> &str;

    /// Returns one sentence about it, for lists of scenarios. Default none: a list then names who takes part.
    fn about(&self) -> &str {
        ""
    }

    /// Processes, stores, external services and consumer groups.
    fn topology(&self) -> Topology;

    /// Draws a workload. All dice are thrown here, none during the run.
    fn workload(&self, draw: &mut Draw) -> Self::Workload;

    /// Returns what must hold beside the invariants of the protocol, which judge every scenario
    /// ([`protocol`](crate::invariants::protocol)); [`Topology::without`] leaves one of these out, and one of the same name
    /// takes its place. Called once for each run; invariants keep their own state. Default none.
    fn invariants(&self, workload: &Self::Workload) -> Vec<Box<dyn Invariant>> {
        let _ = workload;
        Vec::new()
    }

    /// The store that its processes need, for example where they keep tables of their own; the simulated one where `None`.
    /// Whoever runs the scenario may choose another one.
    fn store(&self) -> Option<StoreFactory> {
        None
    }

    /// Fills the stores before anything starts, without faults. Not part of the trace.
    ///
    /// `store` finds a store of the topology by its name.
    async fn prepare(&self, workload: &Self::Workload, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        let _ = (workload, store);
    }

    /// Returns `true` if anything is pending in tables of the scenario's own: rows of a hand-written outbox that nobody
    /// has published, jobs to be done. Only reads; called between events, outside the trace and without faults, for
    /// each store of the topology, whenever nothing else keeps the run from being at rest.
    ///
    /// What stands in the outbox, the inbox and the saga log of the `Store` port, in a declared [`OutboxTable`], and what the
    /// broker holds, is known without it. So is what a process does within three of its waits ([`Clock::sleep`]) after something last changed, and
    /// that covers a loop that polls a table of its own and works off all that it finds. It does not cover rows that are
    /// due at a later moment, or that a loop leaves for later ones: for these, say here that they are there.
    ///
    /// ```
    /// # use seaworthy_core::ports::Store;
    /// # struct Payments;
    /// # impl Payments {
    /// async fn pending(&self, name: &str, store: &dyn Store) -> bool {
    ///     if name != "payments" {
    ///         return false;
    ///     }
    ///     // A store that does not answer now is asked again.
    ///     let Ok(mut tx) = store.begin().await else { return true };
    ///     tx.scan("outbox", None, 1).await.map_or(true, |rows| !rows.is_empty())
    /// }
    /// # }
    /// ```
    ///
    /// [`Clock::sleep`]: seaworthy_core::ports::Clock::sleep
    async fn pending(&self, name: &str, store: &dyn Store) -> bool {
        let _ = (name, store);
        false
    }

    /// Plays the outside: asks what the workload says, when it says so, until all of it has been answered.
    ///
    /// It runs in a place that never fails; [`Client::ask`] repeats a request until an answer is heard.
    async fn drive(&self, workload: &Self::Workload, client: Client);

    /// Returns the number of items that it takes for everything to happen that can: 2 where one request by itself never meets
    /// another that wants the same. An [exhaustive search](crate::explore::exhaust()) tries that many where nothing else
    /// is said. Default 1.
    fn least_items(&self) -> usize {
        1
    }

    /// Returns `true` if no code of the scenario depends on the order of the standard library's hash maps, so that runs
    /// may share a thread, which saves a third of a short run's time. The library seeds its maps once a thread; without
    /// this promise each run gets a thread of its own. The lints of this project's `clippy.toml` keep the promise.
    fn shares_threads(&self) -> bool {
        false
    }

    /// The moment at which virtual time starts.
    fn epoch(&self) -> Timestamp {
        // 1 January 2024, so that a printed time is not taken for a zero.
        Timestamp::from_micros(1_704_067_200_000_000)
    }
}
