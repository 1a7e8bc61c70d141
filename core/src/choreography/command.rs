use bytes::Bytes;
use serde::Serialize;
use smol_str::SmolStr;

use super::{Destination, Domain, TranslateError};
use crate::message::to_json;

/// Expectation of a command about the version of its aggregate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExpectedSequence {
    /// Exactly this version; `0` for one that is not there yet. At another version nothing is changed, and a router hears
    /// that the command is stale.
    Exact(u64),
    /// Any version, whichever it is.
    #[default]
    Any,
}

/// A command for one aggregate, as a router's handler or a process manager returns it. It has no id yet: that follows from
/// the event, so translating the event again gives the same message.
///
/// ```
/// # use seaworthy_core::choreography::{Command, Domain};
/// struct Player;
///
/// impl Domain for Player {
///     const NAME: &'static str = "player";
///     const EVENTS: &'static [&'static str] = &["funds.reserved"];
///     const COMMANDS: &'static [&'static str] = &["credit.funds"];
/// }
///
/// let credit = Command::new::<Player>("credit.funds", "ann", &serde_json::json!({ "chips": 50 }))?.exact(3);
/// assert_eq!(credit.destination().to_string(), "player/ann");
/// assert!(Command::new::<Player>("credit.fund", "ann", &()).is_err(), "the domain has no such command");
/// # Ok::<(), seaworthy_core::choreography::TranslateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a command is sent by returning it"]
pub struct Command {
    pub(super) kind: SmolStr,
    pub(super) destination: Destination,
    pub(super) expected: ExpectedSequence,
    pub(super) data: Bytes,
}

impl Command {
    /// A command of type `kind` for the aggregate `id` of a domain, whatever its version, with a payload in JSON.
    ///
    /// # Errors
    /// [`TranslateError::UnknownCommand`] if the domain takes no such command, [`TranslateError::Encode`] if the payload has
    /// no JSON form.
    pub fn new<D: Domain>(
        kind: &str,
        id: impl Into<SmolStr>,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<Self, TranslateError> {
        let kind = SmolStr::from(kind);
        if !D::COMMANDS.contains(&kind.as_str()) {
            return Err(TranslateError::UnknownCommand { domain: SmolStr::new_static(D::NAME), kind });
        }
        let data = to_json(&kind, payload)?;
        Ok(Self { kind, destination: Destination::new::<D>(id), expected: ExpectedSequence::Any, data })
    }

    /// Has it carried out only at the version at which the destination was seen
    /// ([`Destinations::version`](super::Destinations::version)).
    ///
    /// Several commands of one event for one aggregate all say what was seen: the splitter numbers them one after the
    /// other, since each but the first comes after its forerunners. They are carried out in that order: one whose forerunner is
    /// stale is stale as well, and comes after it again, and one whose forerunner stays a dead letter
    /// [becomes one](super::CommandHandlersBuilder::patience). Commands that change nothing should expect any version.
    pub fn exact(mut self, version: u64) -> Self {
        self.expected = ExpectedSequence::Exact(version);
        self
    }

    /// Returns the type of the command.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the aggregate that it is for.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Returns what it expects of the aggregate's version.
    pub fn expected(&self) -> ExpectedSequence {
        self.expected
    }

    /// Returns the payload.
    pub fn data(&self) -> &Bytes {
        &self.data
    }
}
