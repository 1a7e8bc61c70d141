//! The splitter: one event, many commands, one message each.

use std::collections::BTreeMap;

use smol_str::{SmolStr, ToSmolStr as _};

use super::{Command, ExpectedSequence, TranslateError, domain::commands_topic, sent::Sent};
use crate::{
    message::{Message, MessageBuilder},
    time::Timestamp,
};

/// Place of a command among those of its event. It goes by aggregate and type, not by the number in the list: translated again
/// on other states, the list may be another one, and must not send somebody else's command in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) topic: SmolStr,
    pub(super) root: SmolStr,
    pub(super) kind: SmolStr,
    pub(super) number: u32,
}

impl Slot {
    /// The slot that a command was sent for.
    pub(super) fn from_command(command: &Message, sent: &Sent) -> Self {
        let Message { topic, subject, kind, .. } = command;
        Self { topic: topic.clone(), root: subject.clone(), kind: kind.clone(), number: sent.slot }
    }
}

/// Makes messages of commands.
pub(super) struct Splitter<'a> {
    /// Sender of them: the router or process manager.
    pub(super) sender: &'a SmolStr,
    pub(super) rejections: SmolStr,
    pub(super) answers: Option<SmolStr>,
    /// The event that they follow from, and their ids are derived from.
    pub(super) event: &'a Message,
    /// The event that travels with them: the same, unless that is the rejection of a command, which has one with it already.
    pub(super) carried: &'a Message,
    /// The message that is being handled: the event, or the news that a command is stale.
    pub(super) trigger: &'a Message,
    pub(super) now: Timestamp,
}

impl Splitter<'_> {
    /// All commands, for the first time. Each is a message of its own, so each is delivered, retried and refused alone;
    /// those for one aggregate share a key, so they stay in order.
    pub(super) fn all(&self, commands: Vec<Command>) -> Result<Vec<Message>, TranslateError> {
        let event = Sent::pack(self.carried);
        let slotted = slots(commands).into_iter().map(|(slot, command, earlier)| {
            // Those before it have each moved the aggregate on by one.
            let expected = match command.expected {
                ExpectedSequence::Exact(version) => ExpectedSequence::Exact(version.saturating_add(earlier)),
                ExpectedSequence::Any => ExpectedSequence::Any,
            };
            self.message(slot, command, expected, 0, event.clone())
        });
        slotted.collect()
    }

    /// The command of one slot, once more; `None` if there is none in it any more. Those of other slots have gone their own
    /// way already.
    pub(super) fn one(
        &self,
        commands: Vec<Command>,
        wanted: &Slot,
        attempt: u32,
    ) -> Result<Option<Message>, TranslateError> {
        let found = slots(commands).into_iter().find(|(slot, ..)| slot == wanted);
        let Some((slot, command, _)) = found else { return Ok(None) };
        let expected = command.expected;
        self.message(slot, command, expected, attempt, Sent::pack(self.carried)).map(Some)
    }

    fn message(
        &self,
        slot: Slot,
        command: Command,
        expected: ExpectedSequence,
        attempt: u32,
        event: SmolStr,
    ) -> Result<Message, TranslateError> {
        let Slot { topic, root, kind, number } = slot;
        let (rejections, answers) = (Some(self.rejections.clone()), self.answers.clone());
        let sent = Sent { expected, slot: number, attempt, rejections, answers, event };
        let (number, attempt) = (number.to_smolstr(), attempt.to_smolstr());
        let parts = ["command", self.sender, &topic, &root, &kind, &number, &attempt];
        let builder = MessageBuilder::new(self.sender.clone(), kind.clone(), root.clone())
            .topic(topic.clone())
            .caused_by(self.trigger)
            .data(SmolStr::new_static("application/json"), command.data);
        Ok(sent.write(builder)?.derive(self.event.id.0, &parts, self.now))
    }
}

/// Commands with their slots, and how many of the list come before each for its aggregate.
fn slots(commands: Vec<Command>) -> Vec<(Slot, Command, u64)> {
    let mut earlier: BTreeMap<(SmolStr, SmolStr), (u64, BTreeMap<SmolStr, u32>)> = BTreeMap::new();
    let slotted = commands.into_iter().map(|command| {
        let (topic, root) = (commands_topic(&command.destination.domain), command.destination.id.clone());
        let (before, kinds) = earlier.entry((topic.clone(), root.clone())).or_default();
        let number = kinds.entry(command.kind.clone()).or_default();
        let slot = Slot { topic, root, kind: command.kind.clone(), number: *number };
        let place = *before;
        (*before, *number) = (*before + 1, *number + 1);
        (slot, command, place)
    });
    slotted.collect()
}
