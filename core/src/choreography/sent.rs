//! Headers by which the protocol knows a command: its payload is the service's alone.

use std::fmt::Display;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::ExpectedSequence;
use crate::{
    inbox::HandlerError,
    message::{HeaderError, Message, MessageBuilder, from_json},
};

const EXPECTED: &str = "commandexpected";
const SLOT: &str = "commandslot";
const ATTEMPT: &str = "commandattempt";
const WAITED: &str = "commandwaited";
const REJECTIONS: &str = "commandrejections";
const ANSWERS: &str = "commandanswers";
const AFTER: &str = "commandafter";

/// Name of the header in which a command takes the event along that it followed from, see [`carried_event`].
pub const CARRIED_EVENT: &str = "commandevent";

/// Returns the event that a command followed from, whole; `None` for one that somebody sent without an event, and for what is no
/// command.
///
/// ```
/// use seaworthy_core::choreography::carried_event;
/// # use seaworthy_core::message::MessageBuilder;
/// # let request = MessageBuilder::new("desk", "seat.player", "t-7")
/// #     .derive(uuid::Uuid::from_u128(1), &[], seaworthy_core::ports::Timestamp::EPOCH);
///
/// assert_eq!(carried_event(&request), Ok(None));
/// ```
///
/// # Errors
/// [`HandlerError::Undecodable`] if what its [header](CARRIED_EVENT) holds is none.
pub fn carried_event(command: &Message) -> Result<Option<Message>, HandlerError> {
    Sent::read(command)?.unpack()
}

/// Place of a command among those of one event for one aggregate that expect a version: they are carried out in that order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is the first of several.
    First,
    /// It comes after the command of this type and number.
    After { kind: SmolStr, number: u32 },
}

impl Turn {
    pub(super) fn to_text(&self) -> SmolStr {
        match self {
            Self::First => SmolStr::new_static("first"),
            Self::After { kind, number } => format_smolstr!("{number} {kind}"),
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        if text == "first" {
            return Some(Self::First);
        }
        let (number, kind) = text.split_once(' ')?;
        Some(Self::After { kind: kind.into(), number: number.parse().ok()? })
    }
}

/// Number of times that a command has come back to its router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    /// `0` when it is sent first, one more each time that it was stale.
    pub(super) attempt: u32,
    /// Those of them at which its turn had not come. They say nothing about how contended its aggregate is.
    pub(super) waited: u32,
}

impl Times {
    /// Once more, since it was stale; `waits`: its turn had not come.
    pub(super) fn again(self, waits: bool) -> Self {
        Self { attempt: self.attempt.saturating_add(1), waited: self.waited.saturating_add(u32::from(waits)) }
    }

    /// Returns the number of times that it was stale in its turn.
    pub(super) fn contended(self) -> u32 {
        self.attempt.saturating_sub(self.waited)
    }
}

/// A command as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) expected: ExpectedSequence,
    /// Number of commands before it, of the same event, type and aggregate.
    pub(super) slot: u32,
    /// Its place among others of its event for its aggregate; `None` where there are none, or it expects any version.
    pub(super) turn: Option<Turn>,
    pub(super) times: Times,
    /// Topic to which a rejection goes; `None` where nobody wants to hear of it.
    pub(super) rejections: Option<SmolStr>,
    /// Topic to which it goes if it is stale; `None` where it is rejected then.
    pub(super) answers: Option<SmolStr>,
    /// The event that it follows from, as it travels; empty where there is none. It comes along so that a router needs no
    /// store of events: what it is told of holds all that it has to know.
    pub(super) event: SmolStr,
}

impl Sent {
    /// Writes an event as it travels.
    pub(super) fn pack(event: &Message) -> SmolStr {
        // A payload may hold control characters, which no header carries.
        let json = serde_json::to_vec(event).expect("a message has a JSON form");
        STANDARD.encode(json).into()
    }

    /// Returns the event that the command follows from; `None` where there is none.
    pub(super) fn unpack(&self) -> Result<Option<Message>, HandlerError> {
        if self.event.is_empty() {
            return Ok(None);
        }
        let unreadable =
            |error: &dyn Display| HandlerError::Undecodable(format_smolstr!("header {CARRIED_EVENT}: {error}"));
        let json = STANDARD.decode(&self.event).map_err(|error| unreadable(&error))?;
        from_json(&json).map(Some).map_err(|error| unreadable(&error))
    }

    pub(super) fn write(&self, mut builder: MessageBuilder) -> Result<MessageBuilder, HeaderError> {
        if let ExpectedSequence::Exact(version) = self.expected {
            builder = builder.header(EXPECTED, version.to_smolstr())?;
        }
        if let Some(turn) = &self.turn {
            builder = builder.header(AFTER, turn.to_text())?;
        }
        let Times { attempt, waited } = self.times;
        builder = builder.header(SLOT, self.slot.to_smolstr())?.header(ATTEMPT, attempt.to_smolstr())?;
        if waited > 0 {
            builder = builder.header(WAITED, waited.to_smolstr())?;
        }
        for (name, topic) in [(REJECTIONS, &self.rejections), (ANSWERS, &self.answers)] {
            if let Some(topic) = topic {
                builder = builder.header(name, topic.clone())?;
            }
        }
        match self.event.is_empty() {
            true => Ok(builder),
            false => builder.header(CARRIED_EVENT, self.event.clone()),
        }
    }

    /// Reads the headers of a command. One without any is somebody's own, which expects any version.
    pub(super) fn read(command: &Message) -> Result<Self, HandlerError> {
        let text = |name: &str| command.headers.get(name).map(SmolStr::from);
        let number = |name: &str, text: SmolStr| -> Result<u64, HandlerError> {
            let expected = || format_smolstr!("header {name} is {text:?}; expected a whole number");
            text.parse::<u64>().map_err(|_| HandlerError::Undecodable(expected()))
        };
        let small = |name: &str| -> Result<u32, HandlerError> {
            let value = text(name).map_or(Ok(0), |text| number(name, text))?;
            u32::try_from(value).map_err(|_| HandlerError::Undecodable(format_smolstr!("header {name} is {value}")))
        };
        Ok(Self {
            expected: match text(EXPECTED) {
                None => ExpectedSequence::Any,
                Some(version) => ExpectedSequence::Exact(number(EXPECTED, version)?),
            },
            slot: small(SLOT)?,
            turn: match text(AFTER) {
                None => None,
                Some(text) => Some(Turn::from_text(&text).ok_or_else(|| {
                    HandlerError::Undecodable(format_smolstr!(
                        "header {AFTER} is {text:?}; expected a number and a type"
                    ))
                })?),
            },
            times: Times { attempt: small(ATTEMPT)?, waited: small(WAITED)? },
            rejections: text(REJECTIONS),
            answers: text(ANSWERS),
            event: text(CARRIED_EVENT).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::time::Timestamp;

    fn build(builder: MessageBuilder) -> Message {
        builder.derive(Uuid::from_u128(1), &["sent"], Timestamp::EPOCH)
    }

    #[test]
    fn what_a_command_carries_is_read_back_as_it_was_written_whatever_its_event_holds() {
        let happened =
            build(MessageBuilder::new("table", "settled", "t-1").data("text/plain", "a\tb\n\u{7f}\0".into()));
        let after = Turn::After { kind: "credit.funds of all".into(), number: 3 };
        for (expected, turn, waited, answers) in [
            (ExpectedSequence::Any, None, 0, None),
            (ExpectedSequence::Exact(7), Some(Turn::First), 0, Some("router".into())),
            (ExpectedSequence::Exact(8), Some(after), 2, Some("router".into())),
        ] {
            let (rejections, event) = (Some("table.rejections".into()), Sent::pack(&happened));
            let times = Times { attempt: 2, waited };
            let sent = Sent { expected, slot: 3, turn, times, rejections, answers, event };
            let command = build(sent.write(MessageBuilder::new("router", "credit", "ann")).expect("headers"));
            let read = Sent::read(&command).expect("its own headers");
            assert_eq!(read, sent);
            assert_eq!(read.unpack().expect("its own event").as_ref(), Some(&happened));
        }
    }

    #[test]
    fn a_command_of_somebody_elses_expects_any_version_and_a_header_that_is_no_number_is_told() {
        let bare = MessageBuilder::new("desk", "credit", "ann");
        let sent = Sent::read(&build(bare.clone())).expect("no headers");
        assert_eq!((sent.expected, sent.rejections.is_none(), sent.unpack()), (ExpectedSequence::Any, true, Ok(None)));
        let odd = build(bare.clone().header(AFTER, "seven").expect("a header"));
        let error = Sent::read(&odd).expect_err("no place").to_string();
        assert!(error.contains("commandafter") && error.contains("seven"), "{error}");
        let odd = build(bare.header(EXPECTED, "seven").expect("a header"));
        let error = Sent::read(&odd).expect_err("no number").to_string();
        assert!(error.contains("commandexpected") && error.contains("seven"), "{error}");
    }
}
