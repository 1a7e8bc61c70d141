use std::{collections::BTreeSet, fmt::Write as _};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::lineage::outcome_of;
use crate::trace::{Event, Outcome, ProcessIndex, Renderer, VirtualTime, What, millis};

/// Events beside the lanes of those who take part in them, an event a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagram {
    /// Participants, from left to right: the world, processes, stores, the broker, external services.
    pub lanes: Vec<Lane>,
    /// The events, in the order of the trace.
    pub rows: Vec<Row>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lane {
    /// Kind of the participant.
    pub kind: LaneKind,
    /// Name of the participant.
    pub name: SmolStr,
}

impl Lane {
    /// Returns the lane of the broker.
    pub(super) fn broker() -> Self {
        Self { kind: LaneKind::Broker, name: SmolStr::new_static("broker") }
    }
}

/// Kind of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LaneKind {
    /// The world: who asks from outside, the fault plan, the operator.
    World,
    /// Process of the system.
    Process,
    /// Store of the system.
    Store,
    /// Broker of the system.
    Broker,
    /// An external service.
    External,
}

/// An event, told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its number in the trace.
    pub event: u64,
    /// Time at which it happened, in virtual microseconds since the start of the run.
    pub at_us: VirtualTime,
    /// Lane that it belongs to, by position in [`Diagram::lanes`].
    pub lane: usize,
    /// Number of the boot of that process, from 1; 0 for the world.
    pub incarnation: u32,
    /// Arrow to or from another lane, if it crosses from one to another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrow: Option<Arrow>,
    /// Mark of the event in its lane.
    pub mark: Mark,
    /// Kind of the event: `commit`, `publish`.
    pub kind: SmolStr,
    /// Text of the event.
    pub text: String,
    /// Outcome of the call that it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// `true` if it is one of those that show the violation.
    pub shows_it: bool,
    /// Events before it that say the same, of which none has a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Again>,
    /// Events that say the same between it and the next one that has a row, or the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Again>,
}

/// Events that say the same as one that has a row, told there: the row's text says it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Number of these events.
    pub times: u64,
    /// Time of the one that is farthest from the row, in virtual microseconds since the start of the run.
    pub at_us: VirtualTime,
    /// `true` if some of them were at another process than the one that has the row.
    #[serde(default)]
    pub elsewhere: bool,
}

/// From one lane to another, by position in [`Diagram::lanes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Arrow {
    /// From the event's own lane to this one.
    To(usize),
    /// From this lane to the event's own.
    From(usize),
}

impl Arrow {
    /// The other lane.
    pub fn lane(self) -> usize {
        match self {
            Self::To(lane) | Self::From(lane) => lane,
        }
    }
}

/// Mark of an event in its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Mark {
    /// Nothing out of the ordinary.
    Plain,
    /// A process boots.
    Boot,
    /// A process ends, or a call of it does that never returned.
    End,
    /// A fault strikes.
    Fault,
}

impl Diagram {
    /// Draws `events`, which are some of `trace`; those in `shown` show the violation.
    pub(super) fn new(trace: &[Event], events: &[&Event], shown: &[u64], renderer: &mut Renderer) -> Self {
        let places: BTreeSet<Place> = events.iter().flat_map(|event| places(event)).collect();
        let places: Vec<Place> = places.into_iter().collect();
        let position = |place: &Place| places.binary_search(place).unwrap_or_default();
        let lanes = places.iter().map(|place| place.lane(renderer)).collect();
        let mut chosen = events.iter().peekable();
        let mut rows = Vec::with_capacity(events.len());
        for event in trace {
            // Every event is rendered, because it may be the first to name something.
            let text = renderer.text(event);
            if chosen.next_if(|next| next.number == event.number).is_none() {
                continue;
            }
            let arrow = crossing(&event.what).map(|(place, comes)| match position(&place) {
                from if comes => Arrow::From(from),
                to => Arrow::To(to),
            });
            rows.push(Row {
                event: event.number,
                at_us: event.at,
                lane: position(&own(event)),
                incarnation: event.incarnation,
                arrow,
                mark: mark(&event.what),
                kind: SmolStr::new_static(event.what.name()),
                text,
                outcome: outcome_of(&event.what),
                shows_it: shown.contains(&event.number),
                before: None,
                after: None,
            });
        }
        Self { lanes, rows }
    }
}

impl Row {
    /// Says how often the same was said `before` and `after`, where that has no rows of its own.
    pub(super) fn again(&mut self, before: Option<Again>, after: Option<Again>) {
        let told = [
            before.map(|again| (again, "before, since")),
            after.map(|again| (again, if again.times == 1 { "more, at" } else { "more, until" })),
        ];
        for (Again { times, at_us, elsewhere }, when) in told.into_iter().flatten() {
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            let also = if elsewhere { "there and elsewhere, " } else { "" };
            let _ = write!(self.text, " ({also}{times} {when} {} ms)", millis(at_us));
        }
        (self.before, self.after) = (before, after);
    }
}

/// Participant, in the order of lanes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    World,
    Process(ProcessIndex),
    Store(SmolStr),
    Broker,
    External(SmolStr),
}

impl Place {
    fn lane(&self, renderer: &Renderer) -> Lane {
        let (kind, name) = match self {
            Self::World => (LaneKind::World, SmolStr::new_static("world")),
            Self::Process(process) => (LaneKind::Process, renderer.process(*process)),
            Self::Store(name) => (LaneKind::Store, name.clone()),
            Self::Broker => return Lane::broker(),
            Self::External(name) => (LaneKind::External, name.clone()),
        };
        Lane { kind, name }
    }
}

fn places(event: &Event) -> impl Iterator<Item = Place> {
    [own(event)].into_iter().chain(crossing(&event.what).map(|(place, _)| place))
}

fn own(event: &Event) -> Place {
    match event.process {
        ProcessIndex::WORLD => Place::World,
        process => Place::Process(process),
    }
}

/// The other end of an event that crosses from one lane to another, and whether it comes from there.
fn crossing(what: &What) -> Option<(Place, bool)> {
    Some(match what {
        What::Request { .. } => (Place::World, true),
        What::Reply { .. } => (Place::World, false),
        What::Commit { store, .. } | What::Settle { store, .. } | What::StoreCall { store, .. } => {
            (Place::Store(store.clone()), false)
        }
        What::Claim { store, .. } | What::Acquire { store, .. } => (Place::Store(store.clone()), true),
        What::Deliver { .. } => (Place::Broker, true),
        What::Publish { .. } | What::Ack { .. } | What::Nack { .. } => (Place::Broker, false),
        What::External { service, .. } => (Place::External(service.clone()), false),
        _ => return None,
    })
}

fn mark(what: &What) -> Mark {
    match what {
        What::Crash | What::Panic { .. } | What::Exit { .. } | What::NeverReturned { .. } => Mark::End,
        What::Boot { .. } => Mark::Boot,
        What::Fault { .. } => Mark::Fault,
        _ => Mark::Plain,
    }
}
