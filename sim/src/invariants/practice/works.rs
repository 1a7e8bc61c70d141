use std::num::NonZeroU32;

use seaworthy_core::message::Message;

use super::work::{Detail, Unit, Work};
use crate::invariants::{
    Lookup,
    brief::Brief,
    messages::{ByMessage, Messages},
    pages::Pages,
};

/// Pieces of work of a run, each found by what it is the work on. One that comes again is the same.
///
/// State: one small entry for each request and each message of each group, since either may come again at any time; and a
/// larger one beside it where something was learnt that a run is measured by.
#[derive(Debug, Default)]
pub(super) struct Works {
    /// In the order in which they began.
    all: Pages<Work>,
    /// Further knowledge of each of them, if anybody asked for it.
    details: Option<Pages<Detail>>,
    /// Position of each request among them.
    requests: Lookup<u64, u32>,
    /// One more than the position of each message among them, for each group.
    messages: Vec<ByMessage<Option<NonZeroU32>>>,
}

impl Works {
    /// The same, with further knowledge of each piece of work.
    pub(super) fn with_details(self) -> Self {
        Self { details: Some(Pages::default()), ..self }
    }

    pub(super) fn has_details(&self) -> bool {
        self.details.is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Work> {
        self.all.iter()
    }

    pub(super) fn detail(&self, at: usize) -> Option<&Detail> {
        self.details.as_ref()?.get(at)
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Work> {
        self.all.get_mut(at)
    }

    /// Position of a piece of work among all of them.
    pub(super) fn position(&self, unit: Unit, messages: &mut Messages) -> Option<usize> {
        match unit {
            Unit::Request(number) => self.requests.get(&number).map(|at| *at as usize),
            Unit::Message(group, id) => {
                let after = *self.messages.get(usize::from(group))?.get(messages.number(id))?;
                after.map(|after| after.get() as usize - 1)
            }
        }
    }

    /// Begins a piece of work at an event, unless it has begun before.
    pub(super) fn begin(
        &mut self,
        unit: Unit,
        what: u16,
        number: u64,
        message: Option<&Message>,
        messages: &mut Messages,
    ) {
        let fresh = self.all.len();
        let is_fresh = match unit {
            Unit::Request(number) => *self.requests.get_or_insert_with(number, || fresh as u32) as usize == fresh,
            Unit::Message(group, id) => {
                let group = usize::from(group);
                if self.messages.len() <= group {
                    self.messages.resize_with(group + 1, ByMessage::default);
                }
                let position = self.messages[group].of(messages.number(id));
                position.is_none() && {
                    *position = NonZeroU32::new(fresh as u32 + 1);
                    true
                }
            }
        };
        if is_fresh {
            self.all.push(Work::new(unit, what));
            if let Some(details) = &mut self.details {
                details.push(Detail::new(unit, number, message));
            }
        }
    }

    /// Ends a piece of work at an event; the first end counts.
    pub(super) fn end(&mut self, unit: Unit, accepted: bool, number: u64, messages: &mut Messages) {
        let Some(at) = self.position(unit, messages) else { return };
        if let Some(work) = self.all.get_mut(at)
            && work.ended.is_none()
        {
            work.ended = Some(accepted);
            if let Some(detail) = self.details.as_mut().and_then(|details| details.get_mut(at)) {
                detail.end = Brief::new(number);
            }
        }
    }

    /// Notes the event that did something for a piece of work.
    pub(super) fn note_deed(&mut self, at: usize, number: u64) {
        if let Some(detail) = self.details.as_mut().and_then(|details| details.get_mut(at)) {
            detail.last_deed = Some(Brief::new(number));
        }
    }
}
