use super::{
    AcknowledgedBeforeHandled, BoundedAttempts, BoundedGrowth, CheckpointBeyondEffect, ConservedSums, DeadOnlyInjected,
    DenseStreams, DuplicateEffect, EventOnce, FullCompensation, GapReadPast, HandledWithoutEffect, Heard, Invariant,
    Lineage, LockStranded, LostEvent, MessageHeldUp, MessageUnhandled, NoRowStuck, OneMessagePerId, OneSagaPerKey,
    PerKeyOrder, PhantomEvent, PromptWhenCalm, RejectionOnce, SagaHeldUp, SagaResolves, SagaStartsLate, SagasHoarded,
    StaleClaimSettle, StandsStill, StopsWhenAsked, TerminalStateFinal, TopicHeldUp, TornStep, UnboundedWait,
    WaitsBehindDead, waiting_processes::has_processes,
};
use crate::topology::Topology;

/// The invariants of the protocol itself, which any correct saga, outbox and inbox keeps, in their strictest setting.
///
/// A scenario that expects otherwise leaves one out by its name, or puts its own in its place:
///
/// ```
/// use seaworthy_sim::{invariants::{self, SagaResolves}, scenario::Topology};
///
/// let topology = Topology::new().group("shipping", &["orders"]);
/// let mut mine = invariants::protocol(&topology);
/// mine.retain(|invariant| invariant.name() != "saga-resolves");
/// mine.push(Box::new(SagaResolves::new().or_stuck()));
/// ```
pub fn protocol(topology: &Topology) -> Vec<Box<dyn Invariant>> {
    let mut all = delivery(topology);
    all.extend(sagas(topology));
    all.extend(streams(topology));
    all.extend(upkeep(topology));
    all
}

/// The part of [`protocol`] that a workflow without sagas has something to show for: outbox, relay, broker and inbox,
/// declared locks and declared tables of its own.
pub fn delivery(topology: &Topology) -> Vec<Box<dyn Invariant>> {
    let mut all: Vec<Box<dyn Invariant>> = Vec::new();
    // One that no declaration asks for would never have anything to judge. It comes first: rows and messages wait for whoever
    // would do the work if it had the lock.
    if !topology.locks.is_empty() || !topology.tables.locks.is_empty() {
        all.push(Box::new(LockStranded::from_topology(topology)));
    }
    let lost = LostEvent::new(&topology.groups);
    let lost = if topology.restores { lost.restored() } else { lost };
    let always: [Box<dyn Invariant>; 15] = [
        Box::new(PhantomEvent::from_topology(topology)),
        Box::new(OneMessagePerId::new()),
        Box::new(Lineage::new()),
        Box::new(lost),
        Box::new(AcknowledgedBeforeHandled::new(&topology.groups)),
        Box::new(HandledWithoutEffect::from_topology(topology)),
        Box::new(DuplicateEffect::from_topology(topology)),
        Box::new(PerKeyOrder::new(&topology.groups)),
        Box::new(StaleClaimSettle::new()),
        Box::new(NoRowStuck::new()),
        Box::new(WaitsBehindDead::new()),
        Box::new(DeadOnlyInjected::new()),
        Box::new(MessageUnhandled::new(&topology.groups)),
        Box::new(MessageHeldUp::new(&topology.groups)),
        Box::new(PromptWhenCalm::new(&topology.groups)),
    ];
    all.extend(always);
    // One topic has no other to hold up.
    if topology.topics().len() > 1 {
        all.push(Box::new(TopicHeldUp::new()));
    }
    if !topology.tables.conserved.is_empty() {
        all.push(Box::new(ConservedSums::new(&topology.tables.conserved)));
    }
    all
}

/// The part of [`protocol`] that is about sagas.
pub fn sagas(topology: &Topology) -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(SagaResolves::new()),
        Box::new(SagaStartsLate::new()),
        Box::new(SagaHeldUp::new()),
        Box::new(SagasHoarded::new()),
        Box::new(FullCompensation::from_shapes(&topology.sagas)),
        Box::new(TornStep::new()),
        Box::new(TerminalStateFinal::new()),
        Box::new(OneSagaPerKey::new()),
    ]
}

/// The part of [`protocol`] that is about streams of events, those who read them, and what follows from them: for topologies that
/// declare [events](Topology::events()), or topics of rejections or timers.
pub fn streams(topology: &Topology) -> Vec<Box<dyn Invariant>> {
    let mut all: Vec<Box<dyn Invariant>> = Vec::new();
    let has_events = !topology.event_stores.is_empty();
    if has_events {
        all.push(Box::new(DenseStreams::new()));
        all.push(Box::new(GapReadPast::from_topology(topology)));
        all.push(Box::new(CheckpointBeyondEffect::new()));
        all.push(Box::new(EventOnce::from_topology(topology)));
    }
    if has_events || has_processes(topology) {
        all.push(Box::new(StandsStill::from_topology(topology)));
    }
    if topology.topics().iter().any(|topic| topic.ends_with(REJECTIONS)) {
        all.push(Box::new(RejectionOnce::new()));
    }
    all
}

/// Ending of the names of the topics on which a domain hears of rejected commands.
const REJECTIONS: &str = ".rejections";

/// The part of [`protocol`] that is about what fails for good (how often it is tried, who hears of it, and what is kept), and about
/// processes that are asked to stop.
pub fn upkeep(topology: &Topology) -> Vec<Box<dyn Invariant>> {
    vec![
        Box::new(BoundedAttempts::new()),
        Box::new(UnboundedWait::from_topology(topology)),
        Box::new(StopsWhenAsked::from_topology(topology)),
        Box::new(Heard::from_topology(topology)),
        Box::new(BoundedGrowth::from_topology(topology)),
    ]
}
