use std::fmt;

use seaworthy_core::ports::{Operation, Port};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Point at which a fault strikes: a call of one operation, or of any of one kind.
///
/// ```
/// use seaworthy_core::ports::Operation;
/// use seaworthy_sim::plan::{Calls, Point};
///
/// assert_eq!(Point::from(Operation::SagaAppend).name(), "saga_append");
/// assert_eq!(Point::Any(Calls::Write).name(), "any_write");
/// assert!(Point::Any(Calls::Write).holds(Operation::PutIf));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Point {
    /// One operation of a port.
    Only(Operation),
    /// Any operation of a kind. Plans that are drawn name operations; this is for those that are written by hand, and what
    /// plans of older formats named.
    Any(Calls),
}

/// Kinds of operations that are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Calls {
    /// Reads in a transaction: documents, operations, checkpoints, the store's clock.
    Read,
    /// Writes in a transaction: documents, operations, checkpoints, marks in the outbox.
    Write,
    /// Inbox rows: insert, failure count, burial.
    Inbox,
    /// Creating a saga or appending to its log.
    SagaLog,
    /// Calls of relays: claims, and reads of the outbox as a log.
    Claim,
    /// Calls that look for sagas: acquire, renew, read.
    Recover,
    /// All other calls of a store outside a transaction.
    Upkeep,
}

impl Calls {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 7] =
        [Self::Read, Self::Write, Self::Inbox, Self::SagaLog, Self::Claim, Self::Recover, Self::Upkeep];

    /// The kind that an operation is of, if there are others of it.
    pub fn from_operation(operation: Operation) -> Option<Self> {
        match operation {
            Operation::InboxInsert | Operation::InboxFailed | Operation::InboxBury | Operation::InboxExhume => {
                Some(Self::Inbox)
            }
            Operation::SagaCreate | Operation::SagaAppend => Some(Self::SagaLog),
            Operation::Claim | Operation::Tail => Some(Self::Claim),
            Operation::AcquireSagas
            | Operation::RenewSaga
            | Operation::Saga
            | Operation::SagaByKey
            | Operation::SagaLog => Some(Self::Recover),
            Operation::Statement | Operation::Stage | Operation::Commit | Operation::Begin | Operation::Settle => None,
            other => match (other.port(), other.changes_something()) {
                (Port::Transaction, true) => Some(Self::Write),
                (Port::Transaction, false) => Some(Self::Read),
                (Port::Store, _) => Some(Self::Upkeep),
                _ => None,
            },
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Read => "any_read",
            Self::Write => "any_write",
            Self::Inbox => "any_inbox",
            Self::SagaLog => "any_saga_log",
            Self::Claim => "any_claim",
            Self::Recover => "any_recover",
            Self::Upkeep => "any_upkeep",
        }
    }

    fn former(self) -> &'static str {
        self.name().trim_start_matches("any_")
    }
}

impl Point {
    /// Returns its name as written in plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Only(operation) => operation.name(),
            Self::Any(calls) => calls.name(),
        }
    }

    /// Returns `true` if a call of this operation is one of those that it means.
    pub fn holds(self, operation: Operation) -> bool {
        match self {
            Self::Only(only) => only == operation,
            Self::Any(calls) => Calls::from_operation(operation) == Some(calls),
        }
    }

    /// The operations that it means.
    pub fn operations(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.iter().copied().filter(move |operation| self.holds(*operation))
    }

    fn named(name: &str) -> Option<Self> {
        let only = Operation::ALL.iter().copied().find(|operation| operation.name() == name).map(Self::Only);
        // Without their first word, too, as older formats have them.
        only.or_else(|| {
            Calls::ALL.into_iter().find(|calls| [calls.name(), calls.former()].contains(&name)).map(Self::Any)
        })
    }

    /// Returns the meaning of this point in a plan of an older format: there all operations of a kind were counted
    /// together, two kinds under what is an operation's name today.
    pub(super) fn formerly(self) -> Self {
        match self {
            Self::Only(Operation::Claim) => Self::Any(Calls::Claim),
            Self::Only(Operation::SagaLog) => Self::Any(Calls::SagaLog),
            point => point,
        }
    }

    /// Its name in older formats.
    pub(super) fn former_name(self) -> &'static str {
        match self {
            Self::Only(operation) => operation.name(),
            Self::Any(calls) => calls.former(),
        }
    }
}

impl From<Operation> for Point {
    fn from(operation: Operation) -> Self {
        Self::Only(operation)
    }
}

impl From<Calls> for Point {
    fn from(calls: Calls) -> Self {
        Self::Any(calls)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = smol_str::SmolStr::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| {
            let operations = Operation::ALL.iter().map(|operation| operation.name());
            let known: Vec<&str> = operations.chain(Calls::ALL.map(Calls::name)).collect();
            D::Error::custom(format!("there is no point {name:?}: use one of {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_holds_several_operations_and_no_name_means_two_points() {
        let mut names: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
        for calls in Calls::ALL {
            assert!(Point::Any(calls).operations().count() > 1, "{calls:?}");
            names.push(calls.name());
        }
        for name in &names {
            let point = Point::named(name).expect("a name of a point");
            assert_eq!(serde_json::to_string(&point).expect("a name"), format!("{name:?}"));
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Operation::ALL.len() + Calls::ALL.len());
    }
}
