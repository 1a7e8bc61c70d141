use std::sync::Arc;

use super::{
    Ending, Entity, Interest, Invariant, Judge, Mode,
    brief::Brief,
    practice::{Content, Detail, Doings, Handling, Kind, Practice, Unit, Work},
};
use crate::{
    topology::Topology,
    trace::{Event, What},
};

/// `handled-without-effect`: a request or a message counts as handled, and what every other one of its kind does was not
/// done for it.
///
/// What every one does is learnt from runs without a fault ([`Practice`]): each `pay` that is accepted writes a payment
/// and a key, each `order.placed` that a group acknowledges writes a stock level. A handling that ended (the request was
/// answered, the message acknowledged or its inbox row committed) and did only a part of that is told: a mark, an inbox
/// row, a position or a refusal that was committed alone. So is a message that was acknowledged and for which nothing was
/// committed at all. A handling that did something else besides has taken another way, and that is its own affair.
///
/// Nothing is told of a handling that began a saga which turned back meanwhile, or which another process drove: what it did then, or left
/// undone, is the saga's affair, and judged by what is about sagas. Nor is anything told of a message which another one of its type and subject has made needless by then, because it says the
/// same or was made later, or of a request that did nothing at all, which may have asked for what was so already.
///
/// Without a practice it judges nothing, and nothing of what ended after the copy of a store that was put back was made.
///
/// What it can't tell apart is a handling that forgot its effect and one that looked, found that it came too late, and
/// rightly left things as they are: both commit the same, and neither leaves behind what it would have left in good
/// weather. One of the second sort is exempted by its kind, in the topology
/// ([`message_may_do_nothing`](Topology::message_may_do_nothing()), [`request_may_do_nothing`](Topology::request_may_do_nothing())), or
/// here ([`may_do_nothing`](HandledWithoutEffect::may_do_nothing)).
///
/// Besides, it counts for each group how many of the messages that it acknowledged left anything behind ([`Dealt`](super::Dealt)): of a
/// group that never leaves anything there is nothing to judge, and the campaign says so.
///
/// State: one small entry for each request and each message of each group.
#[derive(Debug, Default)]
pub struct HandledWithoutEffect {
    practice: Arc<Practice>,
    doings: Doings,
    exempt: Vec<Handling>,
    /// The first event that a store knows nothing of since it was put back.
    restored: Option<u64>,
}

impl HandledWithoutEffect {
    /// The invariant at the start of a run.
    pub fn new() -> Self {
        Self::default()
    }

    /// The invariant at the start of a run of a topology, with what that exempts.
    pub fn from_topology(topology: &Topology) -> Self {
        let message =
            |(group, kind): &(_, _)| Handling::Message { group: Clone::clone(group), kind: Clone::clone(kind) };
        let requests = topology.idle_requests.iter().flat_map(|operation| {
            [true, false].map(|accepted| Handling::Request { operation: operation.clone(), accepted })
        });
        let exempt = topology.idle_messages.iter().map(message).chain(requests);
        exempt.fold(Self::new(), Self::may_do_nothing)
    }

    /// Exempts a kind of handling: one that looks at the state that it finds, and rightly leaves it as it is.
    #[must_use]
    pub fn may_do_nothing(mut self, handling: Handling) -> Self {
        self.exempt.push(handling);
        self
    }

    /// Returns the deeds that all handlings of this kind do.
    fn custom(&self, handling: &Handling) -> Option<u64> {
        if self.exempt.contains(handling) {
            return None;
        }
        match handling {
            // Where nothing is ever refused in good weather, a refusal is measured by what is accepted.
            Handling::Request { operation, accepted: false } if !self.practice.knows(handling) => {
                self.practice.custom(&Handling::Request { operation: operation.clone(), accepted: true })
            }
            _ => self.practice.custom(handling),
        }
    }

    fn is_needless(&self, detail: &Detail, kind: Kind, always: u64) -> bool {
        let Some(content) = detail.content else { return false };
        let makes_needless = |other: &Content| {
            other.subject == content.subject && (other.data == content.data || other.time > content.time)
        };
        self.doings.works().enumerate().any(|(at, other)| {
            other.done & always == always
                && other.kind() == Some(kind)
                && self.doings.detail(at).is_some_and(|other| {
                    other.last_deed.is_some_and(|done| done < detail.end)
                        && other.content.as_ref().is_some_and(makes_needless)
                })
        })
    }

    fn tell(&self, work: &Work, detail: &Detail, handling: &Handling, always: u64, judge: &mut Judge<'_>) {
        let words = |set: u64| {
            let deeds: Vec<String> = self.practice.deeds.of(set).into_iter().map(ToString::to_string).collect();
            deeds.join(" and ")
        };
        let done = work.done & always;
        let only = if done == 0 { "without anything".to_owned() } else { format!("with only {}", words(done)) };
        let missing = words(always & !done);
        let (entity, what) = match (detail.unit, handling) {
            (Unit::Message(_, id), Handling::Message { group, kind }) => {
                (Entity::Message(id), format!("`{group}` handled a `{kind}` {only}"))
            }
            (Unit::Request(number), Handling::Request { operation, accepted }) => {
                let answered = if *accepted { "accepted" } else { "refused" };
                (Entity::Request(number), format!("request {number} (`{operation}`) was {answered} {only}"))
            }
            // A unit and its handling are of one kind.
            _ => return,
        };
        let mut events: Vec<u64> =
            [detail.first, detail.end].into_iter().chain(detail.last_deed).map(Brief::number).collect();
        events.sort_unstable();
        events.dedup();
        let sentence = format!(
            "{what}; when nothing goes wrong, each one also leaves {missing} (if it may rightly leave things as they are: \
             {})",
            code(handling)
        );
        judge.violate(entity, sentence, events);
    }
}

/// Exemption of a handling as code says it, to be pasted.
fn code(handling: &Handling) -> String {
    match handling {
        Handling::Request { operation, .. } => format!("Topology::request_may_do_nothing({operation:?})"),
        Handling::Message { group, kind } => format!("Topology::message_may_do_nothing({group:?}, {kind:?})"),
    }
}

impl Invariant for HandledWithoutEffect {
    fn name(&self) -> &'static str {
        "handled-without-effect"
    }

    fn mode(&self) -> Mode {
        Mode::Eventually
    }

    fn interest(&self) -> Interest {
        Doings::interest() | Interest::RESTORED
    }

    fn subject(&self) -> Option<&'static str> {
        Some("a kind of request or message that always has the same effect when nothing goes wrong")
    }

    fn learns(&self) -> bool {
        true
    }

    fn learn(&mut self, practice: &Arc<Practice>) {
        self.practice = practice.clone();
        let doings = Doings::new(practice.deeds.clone());
        // Where nothing was learnt, as before a run of months, there is nothing to tell.
        self.doings = if practice.customs.is_empty() { doings } else { doings.with_details() };
    }

    fn observe(&mut self, event: &Event, judge: &mut Judge<'_>) {
        if let What::Restored { since, .. } = &event.what {
            self.restored = Some(self.restored.map_or(*since, |restored| restored.min(*since)));
        }
        self.doings.observe(event, &mut judge.decoded.messages);
    }

    fn conclude(&mut self, ending: Ending, judge: &mut Judge<'_>) {
        if ending == Ending::OutOfBudget {
            return;
        }
        // A run has a handful of kinds, and each many times.
        let mut customs: Vec<(Kind, Option<u64>)> = Vec::new();
        let bookkeeping = self.doings.deeds.bookkeeping();
        for (at, work) in self.doings.works().enumerate() {
            let Some(kind) = work.kind() else { continue };
            if let Kind::Message { group, .. } = kind {
                let (surely, perhaps) = (work.surely & !bookkeeping != 0, work.done & !bookkeeping != 0);
                judge.dealt(self.doings.group(group), surely, perhaps);
            }
            let known = customs.iter().find(|(known, _)| *known == kind).map(|(_, custom)| *custom);
            let custom = known.unwrap_or_else(|| {
                let custom = self.custom(&self.doings.handling(kind));
                customs.push((kind, custom));
                custom
            });
            let (Some(always), Some(detail)) = (custom, self.doings.detail(at)) else { continue };
            if self.restored.is_some_and(|restored| detail.end.number() >= restored) {
                // It may have found less than was there, and what it left may be gone.
                continue;
            }
            judge.judged();
            let done = work.done & !self.practice.idle;
            let is_whole = done & always == always;
            let is_another_way = done & !always != 0;
            let did_nothing = done == 0 && work.is_of_request();
            if is_whole
                || is_another_way
                || did_nothing
                || work.is_left_to_saga
                || self.is_needless(detail, kind, always)
            {
                continue;
            }
            self.tell(work, detail, &self.doings.handling(kind), always, judge);
        }
    }
}
