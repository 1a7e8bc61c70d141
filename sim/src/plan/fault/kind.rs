use seaworthy_core::ports::{Operation, Port};
use smol_str::SmolStr;

use crate::{draw::Draw, plan::Profile, topology::Topology};

/// Definition of one kind of fault at a call, beside its name in the registry. A kind of its own type, so that it has
/// what it is about at hand.
pub(super) trait CallKind: Sized {
    /// The profile whose plans hold it.
    const CLASS: Profile;

    /// `true` if it drops a piece of work: it strikes calls within a [scope](seaworthy_core::ports::Ports::scope) only.
    const NEEDS_SCOPE: bool = false;

    /// `true` if the process that makes the call ends by it.
    const ENDS_PROCESS: bool = false;

    /// Returns `true` if a call of `operation` can honour a fault of this kind.
    fn fits(operation: Operation) -> bool;

    /// Returns `true` if such a call can honour this very one.
    fn fits_as_it_is(&self, operation: Operation) -> bool {
        Self::fits(operation)
    }

    /// Returns `true` if there is anything for a fault of this kind to strike.
    fn is_possible(targets: &Targets) -> bool {
        !targets.processes.is_empty()
    }

    /// Draws a fault of this kind.
    fn draw(draw: &mut Draw) -> Self;

    /// The same, milder: simplest first, each milder than this one, so that shrinking ends.
    fn simpler(self) -> Vec<Self> {
        Vec::new()
    }

    /// Returns the faults at the ends of what makes a difference, not a sample: at once and after all leases, nothing
    /// of a batch and a part of it. They are what is tried where everything is.
    fn extremes(has_next_release: bool) -> Vec<Self>;

    /// Returns `true` if another fault that is tried at this call, or at a later one of its transaction, leaves the same
    /// behind, or more. Of pairs, which are many, only those of the other one are tried.
    fn is_spared(&self, _: Operation) -> bool {
        false
    }

    /// Returns the edge of the call at which whoever makes it ends, if that is what it does.
    fn ends_caller(&self) -> Option<Edge> {
        None
    }

    /// Returns `true` if it strikes a call that waits for something to come before that has come.
    fn strikes_early(&self) -> bool {
        self.ends_caller() == Some(Edge::Before)
    }

    /// Returns for how many virtual milliseconds it keeps a run from its rest, once it has struck.
    fn lasts_ms(self) -> u32 {
        0
    }

    /// Describes its effect on a call.
    fn words(self, call: Call<'_>) -> String;
}

/// Edge of a call: before it takes effect, or after that and before its caller hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Before,
    After,
}

/// A struck call, in words.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Ordinal of the call, such as `3rd`.
    pub(crate) nth: &'a str,
    /// Noun of the operation, such as `commit`.
    pub(crate) what: &'a str,
    pub(crate) process: &'a str,
}

/// Definition of one kind of fault over a span of time, beside its name in the registry.
pub(super) trait TimedKind: Sized {
    /// The profile whose plans hold it.
    const CLASS: Profile;

    /// `true` if its process only finds that it was held up or misled: it is the first thing that it does then that shows it, and
    /// no call that is refused.
    const IS_FELT_ONCE: bool = false;

    /// `true` if it shows what it is about only to whoever tries again and again: it is drawn to last for as long as that takes.
    const LASTS: bool = false;

    /// Returns `true` if a call of `operation` can meet it.
    fn meets(operation: Operation) -> bool;

    /// Returns `true` if there is anything that it could hit.
    fn is_possible(targets: &Targets) -> bool {
        !targets.processes.is_empty()
    }

    /// Draws one, `None` where there is nothing that it could hit.
    fn draw(draw: &mut Draw, targets: &Targets) -> Option<Self>;

    /// Returns its target.
    fn target(&self) -> Target;

    /// Returns its strength, where it is more or less strong.
    fn amount(&self) -> i64 {
        0
    }

    /// The same, milder: simplest first, each milder than this one, so that shrinking ends.
    fn simpler(&self) -> Vec<Self> {
        Vec::new()
    }

    /// Returns one fault for each thing that it can hit, or two where it makes a difference: those that are tried where
    /// everything is.
    fn extremes(targets: &Targets) -> Vec<Self>;

    /// Describes its effect.
    fn words(&self) -> String;
}

/// Target of a fault over a span of time, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Broker,
    Store(SmolStr),
    Service(SmolStr),
    Topic(SmolStr),
    Process(SmolStr),
}

/// Names that faults can use.
pub(crate) struct Targets {
    pub(crate) processes: Vec<SmolStr>,
    pub(crate) stores: Vec<SmolStr>,
    pub(crate) services: Vec<SmolStr>,
    pub(crate) topics: Vec<SmolStr>,
    /// Processes on stores that keep streams of events.
    pub(crate) with_events: Vec<SmolStr>,
    /// `true` if the broker confirms what it can route to nobody.
    pub(crate) confirms_unroutable: bool,
    /// `true` if the programs have a next release.
    pub(crate) has_next_release: bool,
    /// `true` if plans may hold faults that strike again and again.
    pub(crate) fails_for_good: bool,
    /// `true` if stores may be put back to what they were.
    pub(crate) restores: bool,
}

impl Targets {
    /// Collects the names of a topology.
    pub(crate) fn from_topology(topology: &Topology) -> Self {
        Self {
            processes: topology.processes.iter().map(|process| process.name.clone()).collect(),
            stores: topology.stores(),
            services: topology.externals.iter().map(|external| external.name.clone()).collect(),
            topics: topology.topics(),
            with_events: {
                let on_events = topology.processes.iter().filter(|process| topology.keeps_events(&process.store));
                on_events.map(|process| process.name.clone()).collect()
            },
            confirms_unroutable: topology.confirms_unroutable,
            has_next_release: topology.has_next_release,
            fails_for_good: topology.fails_for_good,
            restores: topology.restores && topology.tables.is_empty(),
        }
    }
}

/// Calls that have done something although their caller never hears of it. What a statement did is gone with its
/// transaction, and what was only read leaves no trace, but for deliveries.
pub(super) fn leaves_something(operation: Operation) -> bool {
    let has_effect = operation.changes_something() || operation == Operation::Receive;
    has_effect && (operation.port() != Port::Transaction || operation == Operation::Commit)
}

/// Calls that are lost with their transaction, wherever its process ends before the commit.
pub(super) fn is_lost_with_transaction(operation: Operation) -> bool {
    operation.port() == Port::Transaction && operation != Operation::Commit
}

/// Writes by which a saga and its participants keep what they have done. No handler with a limit of its own waits for them, so
/// that one of them waits holds up the same as a commit that does.
pub(super) fn waits_as_commit_does(operation: Operation) -> bool {
    matches!(operation, Operation::SagaCreate | Operation::SagaAppend | Operation::Operation | Operation::PutOperation)
}

/// Calls that come to nothing without a later one of the same piece of work: where it ends at one of them, it could end at
/// that as well.
pub(super) fn leads_to_more(operation: Operation) -> bool {
    is_lost_with_transaction(operation) || matches!(operation, Operation::Begin | Operation::Now)
}

/// Calls that are answered with something that can be lost.
pub(super) fn has_reply(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Commit
            | Operation::Claim
            | Operation::Tail
            | Operation::ReadEvents
            | Operation::Settle
            | Operation::Publish
            | Operation::Ack
            | Operation::Nack
            | Operation::Extend
            | Operation::External
            | Operation::Reply
    )
}
