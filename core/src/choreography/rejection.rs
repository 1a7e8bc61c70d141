use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};

use super::{
    Domain,
    sent::{Sent, carried_event},
};
use crate::{
    inbox::HandlerError,
    message::{DecodeError, Message, MessageBuilder},
    time::Timestamp,
};

/// Type of the message that takes a rejected command back to where it came from.
pub const REJECTED: &str = "command.rejected";

/// Reason why a command was rejected. Nothing was changed in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RejectionReason {
    /// The aggregate refused, for a reason of its own: see [`Rejection::refusal`].
    Refused(Value),
    /// There is no such aggregate.
    Missing,
    /// There is one already that the command was to open.
    Present,
    /// The aggregate is in a terminal state.
    Ended,
    /// The aggregate was at another version, or a command of the same event that comes before this one is not settled, and whoever
    /// sent the command does not send it again.
    Stale {
        /// Version that the command expected.
        expected: u64,
        /// Version of the aggregate; `0` if there is none.
        version: u64,
    },
    /// It was stale each time that it was sent and its turn had come.
    Contended {
        /// Number of these times.
        attempts: u32,
    },
    /// It was stale, and on fresh states the router does not send it any more.
    Withdrawn,
    /// It was stale, and the source had [aborted](super::FollowUp::abort) what else follows from the event.
    Aborted,
}

impl std::fmt::Display for RejectionReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::Missing => write!(f, "there is no such aggregate"),
            Self::Present => write!(f, "there is one already"),
            Self::Ended => write!(f, "the aggregate is in a terminal state"),
            Self::Stale { expected, version } => write!(f, "it expected version {expected} and found {version}"),
            Self::Contended { attempts } => write!(f, "it was stale all of {attempts} times"),
            Self::Withdrawn => write!(f, "it was stale, and is not needed any more"),
            Self::Aborted => write!(f, "it was stale, and its event is aborted"),
        }
    }
}

/// A rejected command on its way back to its source: the command itself, the reason, and in the command the event that it
/// followed from. So the source can undo what that one command stood for, and nothing else.
///
/// ```
/// use seaworthy_core::choreography::{Rejection, RejectionReason};
/// # use seaworthy_core::message::MessageBuilder;
/// # let command = MessageBuilder::new("router", "seat.player", "t-7").json(&serde_json::json!({ "buy_in": 40 }))?
/// #     .derive(uuid::Uuid::from_u128(1), &[], seaworthy_core::ports::Timestamp::EPOCH);
///
/// #[derive(serde::Deserialize)]
/// struct SeatPlayer {
///     buy_in: u64,
/// }
///
/// let rejection = Rejection { command, reason: RejectionReason::Refused("table_full".into()) };
/// assert_eq!(rejection.command::<SeatPlayer>()?.buy_in, 40);
/// assert_eq!(rejection.refusal::<String>().as_deref(), Some("table_full"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The whole message of the command.
    pub command: Message,
    /// Reason why it was rejected.
    pub reason: RejectionReason,
}

impl Rejection {
    /// Returns the command's payload, decoded from JSON.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not JSON of this shape.
    pub fn command<C: DeserializeOwned>(&self) -> Result<C, DecodeError> {
        self.command.json()
    }

    /// Returns the event that the command followed from; `None` for one that somebody sent without an event.
    ///
    /// # Errors
    /// [`HandlerError::Undecodable`] if what the command carries is none.
    pub fn event(&self) -> Result<Option<Message>, HandlerError> {
        carried_event(&self.command)
    }

    /// Returns the aggregate's own reason, if it refused and the reason is a `R`.
    pub fn refusal<R: DeserializeOwned>(&self) -> Option<R> {
        let RejectionReason::Refused(reason) = &self.reason else { return None };
        R::deserialize(reason).ok()
    }

    /// Returns `true` if the command was one for this domain.
    pub fn is_for<D: Domain>(&self) -> bool {
        self.command.topic == D::commands_topic()
    }

    /// The message that takes it back, said by `sender`; about the aggregate that the event was about, and in order with the
    /// others for that one.
    pub(super) fn message(
        self,
        sender: &str,
        sent: &Sent,
        topic: SmolStr,
        now: Timestamp,
    ) -> Result<Message, HandlerError> {
        let about = sent.unpack()?.map_or_else(|| self.command.subject.clone(), |event| event.subject);
        let id = self.command.id.0;
        Ok(MessageBuilder::new(sender, REJECTED, about).topic(topic).json(&self)?.derive(id, &["rejection"], now))
    }

    /// The failure of one that nobody can compensate, since it followed from no event.
    pub(super) fn orphan() -> HandlerError {
        HandlerError::Refused("a rejected command that followed from no event".into())
    }

    /// The failure of one for which nothing is registered.
    pub(super) fn unexpected(&self) -> HandlerError {
        HandlerError::Refused(format_smolstr!("no compensation for {}: {}", self.command.kind, self.reason))
    }

    /// Reads one that has come back.
    pub(super) fn read(message: &Message) -> Result<Self, HandlerError> {
        Ok(message.json()?)
    }
}

/// Returns a reason as a value, for a rejection.
pub(super) fn refused(reason: &impl Serialize) -> RejectionReason {
    RejectionReason::Refused(serde_json::to_value(reason).unwrap_or_else(|error| Value::String(error.to_string())))
}

/// Returns the rejection topic of a command, or the failure that it is where nobody is to hear of a rejection.
pub(super) fn rejections_of(sent: &Sent, reason: &RejectionReason) -> Result<SmolStr, HandlerError> {
    sent.rejections.clone().ok_or_else(|| HandlerError::Refused(reason.to_smolstr()))
}
