use smol_str::{SmolStr, format_smolstr};

use crate::settings::InvalidSetting;

/// A domain, or bounded context: aggregates of one kind with the events that tell of them and the commands that they
/// take. It is a name for messages, not a value; a unit struct will do.
///
/// Its topics follow from its name: events go to `NAME` (as [`MessageMap`](crate::aggregate::MessageMap) sends them by
/// default), commands to `NAME.commands`, and what becomes of the commands that followed from its events, if they are
/// rejected, to `NAME.rejections`.
///
/// ```
/// use seaworthy_core::choreography::Domain;
///
/// struct Table;
///
/// impl Domain for Table {
///     const NAME: &'static str = "table";
///     const EVENTS: &'static [&'static str] = &["hand.started", "table.settled"];
///     const COMMANDS: &'static [&'static str] = &["seat.player"];
/// }
///
/// assert_eq!(Table::commands_topic(), "table.commands");
/// assert_eq!(Table::rejections_topic(), "table.rejections");
/// ```
pub trait Domain: Send + Sync + 'static {
    /// Name of the domain, for example `table`. It is the topic of its events and, unless a router is told otherwise, the
    /// collection of its documents.
    const NAME: &'static str;

    /// Types of all events of the domain: a router leaves events of other types for a newer release.
    const EVENTS: &'static [&'static str];

    /// Types of all commands that the domain takes: one of another type can't be made.
    const COMMANDS: &'static [&'static str];

    /// Returns the topic of the commands for this domain.
    fn commands_topic() -> SmolStr {
        commands_topic(Self::NAME)
    }

    /// Returns the topic of rejected commands that followed from events of this domain.
    fn rejections_topic() -> SmolStr {
        rejections_topic(Self::NAME)
    }

    /// Returns the topic of commands whose rejection somebody is to hear of.
    fn escalations_topic() -> SmolStr {
        format_smolstr!("{}.escalations", Self::NAME)
    }
}

pub(super) fn commands_topic(domain: &str) -> SmolStr {
    format_smolstr!("{domain}.commands")
}

pub(super) fn rejections_topic(source: &str) -> SmolStr {
    format_smolstr!("{source}.rejections")
}

/// Error of a registration, found when a router, its destination or its source is put together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// The domain has no message of this type.
    #[error("domain {domain} has no {kind}: add it to the domain's list, or correct the name")]
    Unknown {
        /// Name of the domain.
        domain: SmolStr,
        /// Type that was registered.
        kind: SmolStr,
    },
    /// A type is registered twice.
    #[error("{0} is registered twice: it has one handler")]
    Twice(SmolStr),
    /// A setting by which nothing would work.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
}
