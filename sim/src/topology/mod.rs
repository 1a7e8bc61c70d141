//! Participants of a scenario: processes, stores, external services, consumer groups, and the meaning of their own
//! tables.

mod service;
mod tables;

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use seaworthy_core::{
    boot::Boot,
    ports::{StoreTable, SubscriptionSpec},
    saga::Shape,
};
use smol_str::SmolStr;

use seaworthy_memory::external::Service;

pub use service::ServiceSpec;
pub use tables::{Column, Conserved, EffectTable, InboxTable, LockTable, OutboxTable, TableRow, Tables};
pub(crate) use tables::{Kind, Place};

type Program = Arc<dyn Fn(Boot) -> BoxFuture<'static, ()> + Send + Sync>;

/// Specification of one process.
#[derive(Clone)]
pub struct ProcessSpec {
    /// Name of the process in plans and traces, for example `orders-1`.
    pub name: SmolStr,
    /// The service that it is a replica of: requests go to any replica of a service.
    pub service: SmolStr,
    /// The store that it runs on.
    pub store: SmolStr,
    /// Program of the process: called anew at every boot.
    pub program: Program,
    /// `true` if somebody starts it again when it panics.
    pub supervised: bool,
}

/// Specification of one external service.
#[derive(Clone)]
pub struct ExternalSpec {
    /// Name of the service in calls.
    pub name: SmolStr,
    /// Makes a fresh service for each run.
    pub make: Arc<dyn Fn() -> Box<dyn Service> + Send + Sync>,
}

/// Operator of a run, who looks after rows of the outbox that died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operator {
    /// Once the run has healed, everything that is dead is redriven, whenever a row dies, each row once: its cause is gone.
    #[default]
    Redrives,
    /// Nobody: what dies stays dead, and what waits behind it waits for ever.
    Never,
}

/// Processes, stores, external services and consumer groups of a scenario.
#[derive(Clone)]
#[non_exhaustive]
pub struct Topology {
    /// The processes, in the order in which they were added.
    pub processes: Vec<ProcessSpec>,
    /// External services of the scenario.
    pub externals: Vec<ExternalSpec>,
    /// Consumer groups that exist from the start, as an operator would have declared them.
    pub groups: Vec<SubscriptionSpec>,
    /// Groups that only look on, so that nobody misses what they leave behind.
    pub observers: Vec<SmolStr>,
    /// The definitions of sagas, for invariants that judge the order of their steps.
    pub sagas: Vec<Arc<Shape>>,
    /// Tables of the services' own, and what their rows mean.
    pub tables: Tables,
    /// `true` if the programs have a next release, which [`Boot::release`] tells them that they are.
    pub has_next_release: bool,
    /// `true` if plans hold faults that strike one piece of work again and again, see
    /// [`fails_for_good`](Self::fails_for_good()).
    pub fails_for_good: bool,
    /// `true` if plans may put a store back to what it was, see [`restores`](Self::restores()).
    pub restores: bool,
    /// Time that the broker waits for an acknowledgement before it delivers again.
    pub visibility_timeout: Duration,
    /// `true` if the broker confirms what it can route to nobody, see
    /// [`confirms_unroutable`](Self::confirms_unroutable()).
    pub confirms_unroutable: bool,
    /// Number of messages that a group may leave unacknowledged before the broker takes no more for it; `None` for the
    /// broker's own, which no short run reaches.
    pub group_holds: Option<usize>,
    /// Shortest time without a change before a run counts as at rest. Zero unless it is set: a run is at rest once
    /// nothing is pending and every process has had its turn without changing anything.
    pub rest: Duration,
    /// Operator who looks after rows that died.
    pub operator: Operator,
    /// Collections, tables, types of messages and external services by which a process only shows that it is alive.
    pub heartbeats: Vec<SmolStr>,
    /// Collections of which each document is a lock that somebody holds. Tables of locks are in `tables`.
    pub locks: Vec<SmolStr>,
    /// Largest numbers of rows that tables of the stores may have when a run is over, see
    /// [`keeps_at_most`](Self::keeps_at_most()).
    pub kept_rows: Vec<(StoreTable, u64)>,
    /// Largest numbers of rows that tables of the stores may have for each request and each message that was handled, see
    /// [`keeps_per_item`](Self::keeps_per_item()).
    pub kept_per_item: Vec<(StoreTable, u64)>,
    /// Names of invariants of the protocol that are not asked for.
    pub left_out: Vec<SmolStr>,
    /// `true` if none of the protocol's invariants is asked for.
    pub judges_itself: bool,
}

impl Default for Topology {
    fn default() -> Self {
        Self {
            processes: Vec::new(),
            externals: Vec::new(),
            groups: Vec::new(),
            observers: Vec::new(),
            sagas: Vec::new(),
            tables: Tables::default(),
            has_next_release: false,
            fails_for_good: false,
            restores: false,
            visibility_timeout: Duration::from_secs(5),
            confirms_unroutable: false,
            group_holds: None,
            rest: Duration::ZERO,
            operator: Operator::default(),
            heartbeats: Vec::new(),
            locks: Vec::new(),
            kept_rows: Vec::new(),
            kept_per_item: Vec::new(),
            left_out: Vec::new(),
            judges_itself: false,
        }
    }
}

impl Topology {
    /// Creates an empty topology.
    pub fn new() -> Self {
        Self::default()
    }

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

    /// Declares that the programs have a next release: that they behave in another way where [`Boot::release`] is 2.
    /// Faults that bring a process back as its next release are then tried by [`exhaust`](crate::explore::exhaust()),
    /// too.
    #[must_use]
    pub fn next_release(mut self) -> Self {
        self.has_next_release = true;
        self
    }

    /// Declares that the service copes with what fails each time: plans hold the disturbances
    /// [`Poison`](crate::plan::Disturbance::Poison), [`PoisonPublish`](crate::plan::Disturbance::PoisonPublish),
    /// [`PoisonCall`](crate::plan::Disturbance::PoisonCall), [`EndlessConflict`](crate::plan::Disturbance::EndlessConflict) and, where there is a
    /// [next release](Self::next_release), [`Rollout`](crate::plan::Disturbance::Rollout) from then on. A consumer needs a
    /// bound for attempts and a dead letter for that, and not to die of one message with others in hand.
    ///
    /// A call outside or a publish that [hangs](crate::plan::Verdict::Hang) does so for good then: the world heals once whoever makes it has
    /// given it up or died, or after ten minutes, and who still waits then has no limit
    /// ([`UnboundedWait`](crate::invariants::UnboundedWait)).
    #[must_use]
    pub fn fails_for_good(mut self) -> Self {
        self.fails_for_good = true;
        self
    }

    /// Declares that the service copes with a store that is put back to a copy of an earlier time: plans hold the disturbance
    /// [`Restore`](crate::plan::Disturbance::Restore) from then on, of some seconds, some minutes or an hour ago. Whoever restores has the store begin another
    /// [epoch](seaworthy_core::message::Message::epoch).
    ///
    /// What was committed after the copy is lost with it, and no invariant of the protocol asks for that. They ask that what
    /// comes afterwards is dealt with: that no message of the new life is taken for one of the old. What a scenario asks for
    /// besides has to know [`What::Restored`](crate::trace::What::Restored). Of a service with declared tables no store is put
    /// back.
    #[must_use]
    pub fn restores(mut self) -> Self {
        self.restores = true;
        self
    }

    /// Declares that the broker confirms messages that it can route to nobody, as AMQP does for a producer that leaves
    /// the mandatory flag out: such a message is gone, and plans hold [`Verdict::Unroutable`] from then on. A service
    /// that has to hold all the same compares what it sent with what arrived. By default a confirmation means what the
    /// broker port says it does.
    ///
    /// [`Verdict::Unroutable`]: crate::plan::Verdict::Unroutable
    #[must_use]
    pub fn confirms_unroutable(mut self) -> Self {
        self.confirms_unroutable = true;
        self
    }

    /// Sets how long the broker waits for an acknowledgement.
    #[must_use]
    pub fn visibility_timeout(mut self, timeout: Duration) -> Self {
        self.visibility_timeout = timeout;
        self
    }

    /// Sets how many messages a group may leave unacknowledged before the broker takes no more for it, as a queue with a limit
    /// does: it puts the publisher off until there is room.
    #[must_use]
    pub fn group_holds(mut self, most: usize) -> Self {
        self.group_holds = Some(most);
        self
    }

    /// Sets how long nothing may have changed, at least, before a run counts as at rest. Needed only where a process does
    /// something after more than three waits that change nothing, and that shows in no store:
    /// [`Scenario::pending`](crate::scenario::Scenario::pending) is the better way to say so where it does.
    #[must_use]
    pub fn rest(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// Sets who looks after rows that died.
    #[must_use]
    pub fn operator(mut self, operator: Operator) -> Self {
        self.operator = operator;
        self
    }

    /// Declares that something only shows that somebody is alive, so that it keeps no run from coming to rest. `name`
    /// is a collection of documents, a table, a type of messages or an external service: what is written to it, sent as
    /// it, or told to it.
    ///
    /// A process that writes the same documents again and again is known without it; one that writes a new one each time,
    /// as a log of its rounds, that sends a message at each interval, or that reports to a service outside, is not. Such
    /// messages need no outbox, and such a service may be told the same again and again: `phantom-event` and
    /// `duplicate-effect` know.
    #[must_use]
    pub fn heartbeat(mut self, collection: &str) -> Self {
        self.heartbeats.push(collection.into());
        self
    }

    /// Declares that each document of a collection is a lock, held for as long as it is there. A run is not at rest
    /// while one is held, and one that nobody releases is a violation, `lock-stranded`. Where a document stays and only
    /// its owner goes, where it has a lease, and for locks in a table of SQL, see [`Topology::lock_table`].
    #[must_use]
    pub fn lock(mut self, collection: &str) -> Self {
        self.locks.push(collection.into());
        self
    }

    /// Declares how many rows of a table each store may have when a run is over, for a service that clears away after itself:
    /// `bounded-growth` asks for it. Of a table of which nothing is said, here or by [`keeps_per_item`](Self::keeps_per_item()), it asks
    /// that its rows grow with the work that was done, and not with the time or the attempts that it took.
    ///
    /// A run may be over before what clears away has had its turn: [`rest`](Self::rest()) is to be as long as that takes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use seaworthy_core::ports::StoreTable;
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// // What was handled is forgotten within some seconds, whatever comes of it.
    /// let topology = Topology::new().keeps_at_most(StoreTable::Inbox, 0).rest(Duration::from_secs(10));
    /// assert_eq!(topology.kept_rows, [(StoreTable::Inbox, 0)]);
    /// ```
    #[must_use]
    pub fn keeps_at_most(mut self, table: StoreTable, rows: u64) -> Self {
        self.kept_rows.push((table, rows));
        self
    }

    /// Declares how many rows of a table each store may have when a run is over, beside those that were there before, for each request
    /// that reached a process and each message that was handled: `bounded-growth` asks for it. It is the bound of a service that keeps
    /// what it has done. [`keeps_at_most`](Self::keeps_at_most()) of the same table takes its place.
    ///
    /// ```
    /// use seaworthy_core::ports::StoreTable;
    /// use seaworthy_sim::scenario::Topology;
    ///
    /// // An order is placed by one request, and stages two messages at most.
    /// let topology = Topology::new().keeps_per_item(StoreTable::Outbox, 2);
    /// assert_eq!(topology.kept_per_item, [(StoreTable::Outbox, 2)]);
    /// ```
    #[must_use]
    pub fn keeps_per_item(mut self, table: StoreTable, rows: u64) -> Self {
        self.kept_per_item.push((table, rows));
        self
    }

    /// Leaves out an invariant of the protocol by its name, for example `per-key-order`: every other one judges the
    /// scenario. A name that none of them has is an error of the campaign.
    #[must_use]
    pub fn without(mut self, invariant: &str) -> Self {
        self.left_out.push(invariant.into());
        self
    }

    /// Leaves out all invariants of the protocol: the scenario is judged by its own alone.
    #[must_use]
    pub fn without_protocol(mut self) -> Self {
        self.judges_itself = true;
        self
    }

    /// The names of the stores, each once, in order of first use.
    pub fn stores(&self) -> Vec<SmolStr> {
        let mut stores: Vec<SmolStr> = Vec::new();
        for process in &self.processes {
            if !stores.contains(&process.store) {
                stores.push(process.store.clone());
            }
        }
        stores
    }

    /// The names of the topics that groups are bound to, each once, in order of first use.
    pub fn topics(&self) -> Vec<SmolStr> {
        let mut topics: Vec<SmolStr> = Vec::new();
        for topic in self.groups.iter().flat_map(|group| &group.topics) {
            if !topics.contains(topic) {
                topics.push(topic.clone());
            }
        }
        topics
    }

    /// A name that two processes have. A handful of names: comparing each with each costs nothing beside a run.
    pub(crate) fn name_of_two(&self) -> Option<&SmolStr> {
        let mut names = self.processes.iter().map(|process| &process.name).enumerate();
        names.find(|(at, name)| self.processes[..*at].iter().any(|other| other.name == **name)).map(|(_, name)| name)
    }
}
