//! The splitter: one event, many commands, one message each.

use std::collections::BTreeMap;

use smol_str::{SmolStr, ToSmolStr as _};

use super::{
    Command, ExpectedSequence, TranslateError,
    domain::commands_topic,
    sent::{Sent, Times, Turn},
};
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
        let slotted = slots(commands).into_iter().map(|Slotted { slot, command, earlier, turn }| {
            // Those before it have each moved the aggregate on by one.
            let expected = match command.expected {
                ExpectedSequence::Exact(version) => ExpectedSequence::Exact(version.saturating_add(earlier)),
                ExpectedSequence::Any => ExpectedSequence::Any,
            };
            self.message(slot, command, expected, turn, Times::default(), event.clone())
        });
        slotted.collect()
    }

    /// The command of one slot, once more; `None` if there is none in it any more. Those of other slots have gone their own
    /// way already, or wait for it.
    pub(super) fn one(
        &self,
        commands: Vec<Command>,
        wanted: &Slot,
        times: Times,
    ) -> Result<Option<Message>, TranslateError> {
        let Some(found) = slots(commands).into_iter().find(|slotted| slotted.slot == *wanted) else { return Ok(None) };
        let Slotted { slot, command, turn, .. } = found;
        let expected = command.expected;
        self.message(slot, command, expected, turn, times, Sent::pack(self.carried)).map(Some)
    }

    fn message(
        &self,
        slot: Slot,
        command: Command,
        expected: ExpectedSequence,
        turn: Option<Turn>,
        times: Times,
        event: SmolStr,
    ) -> Result<Message, TranslateError> {
        let Slot { topic, root, kind, number } = slot;
        let (rejections, answers) = (Some(self.rejections.clone()), self.answers.clone());
        let sent = Sent { expected, slot: number, turn, times, rejections, answers, event };
        let (number, attempt) = (number.to_smolstr(), times.attempt.to_smolstr());
        let parts = ["command", self.sender, &topic, &root, &kind, &number, &attempt];
        let builder = MessageBuilder::new(self.sender.clone(), kind.clone(), root.clone())
            .topic(topic.clone())
            .caused_by(self.trigger)
            .data(SmolStr::new_static("application/json"), command.data);
        Ok(sent.write(builder)?.derive(self.event.id.0, &parts, self.now))
    }
}

/// A command in its slot.
struct Slotted {
    slot: Slot,
    command: Command,
    /// Number of commands of the list that come before it for its aggregate.
    earlier: u64,
    turn: Option<Turn>,
}

/// Commands of a list for one aggregate, up to one of them.
#[derive(Default)]
struct Before {
    count: u64,
    kinds: BTreeMap<SmolStr, u32>,
    /// The last one that expects a version: its place in the list, its type and its number.
    exact: Option<(usize, SmolStr, u32)>,
}

/// Gives each command its slot, and its turn where it is not the only one that expects a version of its aggregate.
fn slots(commands: Vec<Command>) -> Vec<Slotted> {
    let mut before: BTreeMap<(SmolStr, SmolStr), Before> = BTreeMap::new();
    let mut slotted: Vec<Slotted> = Vec::with_capacity(commands.len());
    for command in commands {
        let (topic, root, kind) =
            (commands_topic(&command.destination.domain), command.destination.id.clone(), command.kind.clone());
        let before = before.entry((topic.clone(), root.clone())).or_default();
        let number = before.kinds.entry(kind.clone()).or_default();
        let slot = Slot { topic, root, kind: kind.clone(), number: *number };
        let mut turn = None;
        if matches!(command.expected, ExpectedSequence::Exact(_)) {
            let forerunner = before.exact.replace((slotted.len(), kind, *number));
            if let Some((place, kind, number)) = forerunner {
                slotted[place].turn.get_or_insert(Turn::First);
                turn = Some(Turn::After { kind, number });
            }
        }
        slotted.push(Slotted { slot, command, earlier: before.count, turn });
        (before.count, *number) = (before.count + 1, *number + 1);
    }
    slotted
}
