//! Traces written by hand, to try an invariant on.

mod values;

use seaworthy_core::ports::Operation;
use std::sync::Arc;

use seaworthy_core::{ids::OperationId, message::Message};
use smol_str::SmolStr;

use super::{ClaimedRow, Effect, Event, Log, Outcome, ProcessIndex, SettledAs, SettledRow, TxId, VirtualTime, What};
use crate::plan::FaultKind;

use values::row;
pub use values::{created, dispatched, executed, given_up, handled, logged, message, saga, staged, token, undone};

/// A trace in the making: each call appends one event, and the events are numbered as the world numbers them.
///
/// Ids are small numbers, so that a trace reads like a story: message 1, saga 1, claim 1. A row has the number of its
/// message.
///
/// ```
/// use seaworthy_sim::{
///     invariants::{Ending, Panel, PhantomEvent},
///     trace::{Outcome, script::{self, Script}},
/// };
///
/// let (placed, confirmed) = (script::message(1, "orders", "order-17"), script::message(2, "orders", "order-17"));
/// let mut script = Script::new();
/// let orders = script.process("orders-1");
/// script.commit(orders, "orders", Outcome::Done, [script::staged(&placed)]);
/// // Dual write: the message is out, the transaction that should have staged it is not committed.
/// script.publish(orders, &confirmed, Outcome::Done);
/// script.commit(orders, "orders", Outcome::Conflict, []);
///
/// let findings = Panel::new(vec![Box::new(PhantomEvent::new())]).judge(&script.events(), Ending::Quiet);
/// assert_eq!(findings.violations[0].invariant, "phantom-event");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    log: Log,
    now: VirtualTime,
    transactions: u64,
    deliveries: u64,
}

impl Script {
    /// An empty trace.
    pub fn new() -> Self {
        Self::default()
    }

    /// A process, in its first incarnation; the same name gives the same process.
    pub fn process(&mut self, name: &str) -> ProcessIndex {
        self.log.process(name)
    }

    /// The names of the processes, by their index.
    pub fn processes(&self) -> Vec<SmolStr> {
        self.log.processes()
    }

    /// The trace so far.
    pub fn events(&self) -> Vec<Event> {
        self.log.events().to_vec()
    }

    /// Lets virtual milliseconds pass. Each event takes 1 ms by itself.
    pub fn after_ms(&mut self, ms: u64) -> &mut Self {
        self.now += ms * 1_000;
        self
    }

    /// Appends an event and returns its number.
    pub fn event(&mut self, process: ProcessIndex, what: What) -> u64 {
        self.now += 1_000;
        self.log.append(process, self.now, what)
    }

    /// The process starts.
    pub fn boot(&mut self, process: ProcessIndex) -> u64 {
        self.event(process, What::Boot { release: 1 })
    }

    /// The process dies; what it does next, it does in its next incarnation.
    pub fn crash(&mut self, process: ProcessIndex) -> u64 {
        let number = self.event(process, What::Crash);
        self.log.restart(process);
        number
    }

    /// The first fault of the plan strikes at a call of the process.
    pub fn fault(&mut self, process: ProcessIndex, kind: FaultKind, point: Operation) -> u64 {
        self.event(process, What::Fault { index: 0, kind, point: Some(point) })
    }

    /// No more faults, and nothing pending any more.
    pub fn rest(&mut self) -> u64 {
        self.event(ProcessIndex::WORLD, What::Healed);
        self.event(ProcessIndex::WORLD, What::Quiet)
    }

    /// A transaction commits, or fails to.
    pub fn commit<const N: usize>(
        &mut self,
        process: ProcessIndex,
        store: &str,
        outcome: Outcome,
        effects: [Effect; N],
    ) -> u64 {
        self.transactions += 1;
        let tx = TxId(self.transactions);
        let store = store.into();
        self.event(process, What::Commit { tx, store, outcome, effects: Arc::new(effects), tried: Box::default() })
    }

    /// A relay claims the rows of these messages.
    pub fn claim(
        &mut self,
        process: ProcessIndex,
        store: &str,
        claim: u64,
        messages: &[&Message],
        outcome: Outcome,
    ) -> u64 {
        let rows = messages.iter().map(|message| ClaimedRow { row: row(message), message: message.id, attempts: 1 });
        let (store, token, rows) = (store.into(), token(claim), rows.collect());
        self.event(process, What::Claim { store, token, rows, outcome })
    }

    /// A relay settles the rows of these messages, all in the same way.
    pub fn settle(
        &mut self,
        process: ProcessIndex,
        store: &str,
        claim: u64,
        messages: &[&Message],
        (settled, held): (SettledAs, bool),
        outcome: Outcome,
    ) -> u64 {
        let rows = messages.iter().map(|message| SettledRow { row: row(message), settled, held, text_bytes: 0 });
        let (store, token, rows) = (store.into(), token(claim), rows.collect());
        self.event(process, What::Settle { store, token, rows, outcome })
    }

    /// A message is offered to the broker.
    pub fn publish(&mut self, process: ProcessIndex, message: &Message, outcome: Outcome) -> u64 {
        self.event(process, What::Publish { message: Arc::new(message.clone()), outcome, why: SmolStr::default() })
    }

    /// A message is handed to a member of a group.
    pub fn deliver(&mut self, process: ProcessIndex, group: &str, message: &Message) -> u64 {
        self.deliveries += 1;
        let (group, tag) = (group.into(), self.deliveries);
        self.event(process, What::Deliver { group, tag, message: Arc::new(message.clone()), redeliveries: 0 })
    }

    /// The group acknowledges its last delivery of a message.
    pub fn ack(&mut self, process: ProcessIndex, group: &str, message: &Message, outcome: Outcome) -> u64 {
        let (group, tag, message) = (group.into(), self.deliveries, message.id);
        self.event(process, What::Ack { group, tag, message, outcome })
    }

    /// A participant that is not ours is called about `subject`, under operation `operation_id`.
    pub fn external(
        &mut self,
        process: ProcessIndex,
        (service, operation, subject): (&str, &str, &str),
        operation_id: OperationId,
        acted: bool,
        outcome: Outcome,
    ) -> u64 {
        let (service, operation, subject) = (service.into(), operation.into(), subject.into());
        self.event(process, What::External { service, operation, operation_id, subject, acted, outcome })
    }
}
