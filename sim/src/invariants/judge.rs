use std::sync::Arc;

use seaworthy_core::ids::MessageId;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{
    Entity,
    dealt::{self, Dealt},
    decoded::Decoded,
    rows::Settled,
    saga_log::SagaLog,
};
use crate::trace::Event;

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Name of the invariant.
    pub invariant: SmolStr,
    /// Entity that it is about: a message, a saga, an order.
    pub entity: Entity,
    /// One sentence that says what is wrong, with the entity.
    pub sentence: String,
    /// Numbers of the events that show it.
    pub events: Vec<u64>,
    /// `true` if it was found when the run was over, and not at the last of these events.
    #[serde(default)]
    pub at_the_end: bool,
    /// Place in the code (`file:line:column`) where somebody panicked; `None` for all that is no panic. Two panics at two
    /// places are two failures, whatever they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panicked_at: Option<SmolStr>,
}

/// Judge that an invariant reports its findings to.
#[derive(Debug)]
pub struct Judge<'a> {
    pub(crate) invariant: &'static str,
    /// `true` once the run is over.
    pub(crate) at_the_end: bool,
    pub(crate) judged: &'a mut u64,
    pub(crate) met: &'a mut u64,
    pub(crate) reached: &'a mut Vec<&'static str>,
    pub(crate) violations: &'a mut Vec<Violation>,
    pub(crate) dealt: &'a mut Vec<Dealt>,
    pub(crate) decoded: &'a mut Decoded,
}

impl Judge<'_> {
    /// Says that the invariant had something to judge. One that never had proves nothing, and the campaign says so.
    pub fn judged(&mut self) {
        *self.judged += 1;
    }

    /// Says that the [subject](super::Invariant::subject) of the invariant came up, so that it should have something to
    /// judge in time. Whatever is [judged](Self::judged) came up as well.
    pub fn met(&mut self) {
        *self.met += 1;
    }

    /// Says that the invariant does not hold. The entity is an id, a name (`"all accounts"`), or a name with its kind
    /// ([`Entity::named`]).
    pub fn violate(&mut self, entity: impl Into<Entity>, sentence: impl Into<String>, events: Vec<u64>) {
        self.violations.push(Violation {
            invariant: SmolStr::new_static(self.invariant),
            entity: entity.into(),
            sentence: sentence.into(),
            events,
            at_the_end: self.at_the_end,
            panicked_at: None,
        });
    }

    /// Says that a group acknowledged a message: whether something was left behind for it beyond doubt, and whether anything
    /// was that may have been for it.
    pub(super) fn dealt(&mut self, group: &SmolStr, surely: bool, perhaps: bool) {
        let dealt = dealt::of(self.dealt, group);
        dealt.acknowledged += 1;
        dealt.with_effect += u64::from(surely);
        dealt.without += u64::from(!surely && !perhaps);
    }

    /// Returns the number of a message in this run.
    pub(super) fn message(&mut self, id: MessageId) -> usize {
        self.decoded.messages.number(id)
    }

    /// Returns the number of a message, if it has turned up in this run.
    pub(super) fn known_message(&self, id: MessageId) -> Option<usize> {
        self.decoded.messages.known(id)
    }

    /// Returns what became of a row of the settlement that is being judged, and of which message, by the row's position; `None`
    /// where it did not hold, or no claim was seen.
    pub(super) fn settled(&self, at: usize) -> Option<(MessageId, Settled)> {
        self.decoded.settled(at)
    }

    /// Returns the entries that the event appended to the logs of sagas, decoded. However many invariants ask, it is
    /// decoded once.
    pub fn saga_logs(&mut self, event: &Event) -> Arc<[SagaLog]> {
        self.decoded.logs(event)
    }

    /// Says that a goal of a `Sometimes` invariant was reached.
    pub fn reached(&mut self, goal: &'static str) {
        if !self.reached.contains(&goal) {
            self.reached.push(goal);
        }
    }
}
