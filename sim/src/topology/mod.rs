//! Participants of a scenario: processes, stores, external services, consumer groups, and the meaning of their own
//! tables.

mod declared;
mod participants;
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
    /// Time that a process has which is asked to stop, see [`stops_within`](Self::stops_within()).
    pub stop_within: Duration,
    /// Longest limit of time that a call outside or at the broker has, see [`gives_up_within`](Self::gives_up_within()).
    pub give_up_within: Duration,
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
    /// Stores that keep streams of events, see [`events`](Self::events()).
    pub event_stores: Vec<SmolStr>,
    /// Subscribers to the events of a store, by the names of store and subscriber, see [`subscriber`](Self::subscriber()).
    pub subscribers: Vec<(SmolStr, SmolStr)>,
    /// Those of them that read on no further while an event is parked, see
    /// [`subscriber_blocked_by_parked`](Self::subscriber_blocked_by_parked()).
    pub blocked_subscribers: Vec<(SmolStr, SmolStr)>,
    /// Process managers, by their names, whose processes end, see [`processes_end`](Self::processes_end()).
    pub ending_processes: Vec<SmolStr>,
    /// Groups and types of messages, by their names, at which a group may leave things as they are, see
    /// [`message_may_do_nothing`](Self::message_may_do_nothing()).
    pub idle_messages: Vec<(SmolStr, SmolStr)>,
    /// Operations that may leave things as they are, see [`request_may_do_nothing`](Self::request_may_do_nothing()).
    pub idle_requests: Vec<SmolStr>,
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
            stop_within: Duration::from_secs(10),
            give_up_within: Duration::from_secs(600),
            visibility_timeout: Duration::from_secs(5),
            confirms_unroutable: false,
            group_holds: None,
            rest: Duration::ZERO,
            operator: Operator::default(),
            heartbeats: Vec::new(),
            locks: Vec::new(),
            kept_rows: Vec::new(),
            kept_per_item: Vec::new(),
            event_stores: Vec::new(),
            subscribers: Vec::new(),
            blocked_subscribers: Vec::new(),
            ending_processes: Vec::new(),
            idle_messages: Vec::new(),
            idle_requests: Vec::new(),
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

    /// Returns `true` if a store is declared to keep streams of events.
    pub(crate) fn keeps_events(&self, store: &SmolStr) -> bool {
        self.event_stores.contains(store)
    }

    /// A name that two processes have. A handful of names: comparing each with each costs nothing beside a run.
    pub(crate) fn name_of_two(&self) -> Option<&SmolStr> {
        let mut names = self.processes.iter().map(|process| &process.name).enumerate();
        names.find(|(at, name)| self.processes[..*at].iter().any(|other| other.name == **name)).map(|(_, name)| name)
    }
}
