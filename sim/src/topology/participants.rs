//! Setters of a topology that add a participant, or a table of one.

use std::sync::Arc;

use seaworthy_core::{boot::Boot, ports::SubscriptionSpec, saga::Shape};
use seaworthy_memory::external::Service;
use smol_str::SmolStr;

use super::{Conserved, EffectTable, ExternalSpec, InboxTable, LockTable, OutboxTable, ProcessSpec, Topology};

impl Topology {
    /// Adds a process: replica `name` of `service`, on `store`, which comes into being with the first process on it.
    #[must_use]
    pub fn process<F>(
        mut self,
        name: &str,
        service: &str,
        store: &str,
        program: impl Fn(Boot) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.processes.push(ProcessSpec {
            name: name.into(),
            service: service.into(),
            store: store.into(),
            program: Arc::new(move |boot| Box::pin(program(boot))),
            supervised: false,
        });
        self
    }

    /// Declares that somebody starts the process that was added last again whenever it panics, as a supervisor does in
    /// production: it comes back after a second. Its panic is no violation then, unless it panics again and again
    /// although nothing is wrong any more.
    ///
    /// # Panics
    /// If no process has been added yet.
    #[must_use]
    pub fn supervised(mut self) -> Self {
        self.processes.last_mut().expect("a process was added that is to be supervised").supervised = true;
        self
    }

    /// Adds an external service.
    #[must_use]
    pub fn external<S: Service + 'static>(mut self, name: &str, make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        self.externals.push(ExternalSpec { name: name.into(), make: Arc::new(move || Box::new(make())) });
        self
    }

    /// Declares a consumer group, so that nothing is lost before its first member joins.
    #[must_use]
    pub fn group(mut self, group: &str, topics: &[&str]) -> Self {
        self.groups.push(SubscriptionSpec {
            group: group.into(),
            topics: topics.iter().map(|topic| SmolStr::from(*topic)).collect(),
        });
        self
    }

    /// Declares a consumer group that only looks on: it counts, it draws, it warms a cache, and leaves nothing behind that
    /// the simulator sees. Any other group that acknowledges messages and never leaves anything is told by the campaign.
    ///
    /// ```
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// let topology = Topology::new().group("stock", &["orders"]).observer("metrics", &["orders"]);
    /// assert_eq!(topology.groups.len(), 2);
    /// ```
    #[must_use]
    pub fn observer(mut self, group: &str, topics: &[&str]) -> Self {
        self.observers.push(group.into());
        self.group(group, topics)
    }

    /// Declares that a group which handles a message of a type looks at the state that it finds, and may rightly leave it as it is: an
    /// answer that came too late, one of two events that both have to come. `handled-without-effect` does not ask for what others of
    /// that type leave behind.
    ///
    /// ```
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// let topology = Topology::new().group("hand-life", &["table", "hand"]).message_may_do_nothing("hand-life", "hand.over");
    /// assert_eq!(topology.idle_messages.len(), 1);
    /// ```
    #[must_use]
    pub fn message_may_do_nothing(mut self, group: &str, kind: &str) -> Self {
        self.idle_messages.push((group.into(), kind.into()));
        self
    }

    /// As [`message_may_do_nothing`](Self::message_may_do_nothing()), of requests for an operation, be they accepted or refused.
    #[must_use]
    pub fn request_may_do_nothing(mut self, operation: &str) -> Self {
        self.idle_requests.push(operation.into());
        self
    }

    /// Declares that the processes on a store keep streams of events in it, or read its log: plans have faults at those calls from then
    /// on. The invariants about streams judge them either way.
    ///
    /// ```
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// let topology = Topology::new().events("bank").subscriber("bank", "balances");
    /// assert_eq!(topology.event_stores, ["bank"]);
    /// ```
    #[must_use]
    pub fn events(mut self, store: &str) -> Self {
        if !self.keeps_events(&store.into()) {
            self.event_stores.push(store.into());
        }
        self
    }

    /// Declares a [subscriber](seaworthy_core::events::Subscriber) to the events of a store, by its name: once a run has come to rest
    /// it must have read all of them, also where it never began. It is declared that the store keeps [events](Self::events()), too.
    #[must_use]
    pub fn subscriber(mut self, store: &str, name: &str) -> Self {
        self.subscribers.push((store.into(), name.into()));
        self.events(store)
    }

    /// As [`subscriber`](Self::subscriber()), of one that reads on no further while one of its events is parked
    /// ([`WhenParked::BlockSubscriber`](seaworthy_core::events::WhenParked)): it may stand still then. Any other is asked for all events,
    /// whatever it has parked.
    #[must_use]
    pub fn subscriber_blocked_by_parked(mut self, store: &str, name: &str) -> Self {
        self.blocked_subscribers.push((store.into(), name.into()));
        self.subscriber(store, name)
    }

    /// Declares that each process of a [process manager](seaworthy_core::choreography::ProcessManager) ends: once a run has come to
    /// rest, one that has begun and still waits for something to come is told. Without this it is told where it waits for a timer, since
    /// nobody knows of which processes nothing more is expected.
    ///
    /// ```
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// let topology = Topology::new().group("shipments", &["shipments.timers", "orders", "stock"]).processes_end("shipments");
    /// assert_eq!(topology.ending_processes, ["shipments"]);
    /// ```
    #[must_use]
    pub fn processes_end(mut self, manager: &str) -> Self {
        self.ending_processes.push(manager.into());
        self
    }

    /// Declares a saga's definition (`definition.shape()`), so that the order of its compensations can be judged.
    #[must_use]
    pub fn saga(mut self, shape: &Arc<Shape>) -> Self {
        self.sagas.push(shape.clone());
        self
    }

    /// Declares an outbox of a service's own, so that its rows are judged as messages.
    #[must_use]
    pub fn outbox_table(mut self, table: OutboxTable) -> Self {
        self.tables.outboxes.push(table);
        self
    }

    /// Declares an inbox of a service's own, so that its rows are judged as handled messages.
    #[must_use]
    pub fn inbox_table(mut self, table: InboxTable) -> Self {
        self.tables.inboxes.push(table);
        self
    }

    /// Declares a table of which there may be one row for each business key.
    #[must_use]
    pub fn effect_table(mut self, table: EffectTable) -> Self {
        self.tables.effects.push(table);
        self
    }

    /// Declares a table of locks, so that one which nobody releases is found.
    #[must_use]
    pub fn lock_table(mut self, table: LockTable) -> Self {
        self.tables.locks.push(table);
        self
    }

    /// Declares a sum over rows that stands.
    #[must_use]
    pub fn conserved(mut self, sum: Conserved) -> Self {
        self.tables.conserved.push(sum);
        self
    }
}
