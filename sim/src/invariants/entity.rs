use std::fmt;

use seaworthy_core::ids::{MessageId, OperationId, SagaId};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use uuid::Uuid;

/// The thing that a violation is about.
///
/// Whatever has an id says which kind of id it is, so that a story finds its events and its short name. Everything else
/// has a name, and a kind by which shrinking tells one failure from another.
///
/// ```
/// use seaworthy_core::ids::MessageId;
/// use seaworthy_sim::invariants::Entity;
///
/// let message = Entity::from(MessageId(uuid::Uuid::from_u128(7)));
/// assert_eq!(message.to_string(), "00000000-0000-0000-0000-000000000007");
///
/// let order = Entity::named("order", "A-1742");
/// assert_eq!(order.to_string(), "A-1742");
/// assert!(order.is_like(&Entity::named("order", "B-3")), "another order");
/// assert!(!order.is_like(&message));
/// assert!(Entity::from("order-17").is_like(&order), "the kind of a bare name is the letters that it begins with");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Entity {
    /// Message, by its id.
    Message(MessageId),
    /// Saga, by its id.
    Saga(SagaId),
    /// An operation of a participant.
    Operation(OperationId),
    /// A request, by its number.
    Request(u64),
    /// A row of an outbox.
    Row {
        /// The store that it is in.
        store: SmolStr,
        /// Its number there.
        row: u64,
    },
    /// Something of the user's own that has a UUID for a name.
    Id(Uuid),
    /// Any other entity, by its kind and name.
    Named {
        /// Kind of the entity: `order`. Two failures of one invariant about the same sort are one failure.
        kind: SmolStr,
        /// Its name among its kind.
        name: SmolStr,
    },
}

impl Entity {
    /// A thing of a kind, by its name.
    pub fn named(kind: impl Into<SmolStr>, name: impl Into<SmolStr>) -> Self {
        Self::Named { kind: kind.into(), name: name.into() }
    }

    /// Returns `true` if two entities are of one kind. The numbers of things may differ between two runs of the same
    /// failure.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Message(_), Self::Message(_))
            | (Self::Saga(_), Self::Saga(_))
            | (Self::Operation(_), Self::Operation(_))
            | (Self::Request(_), Self::Request(_))
            | (Self::Id(_), Self::Id(_)) => true,
            (Self::Row { store: one, .. }, Self::Row { store: other, .. })
            | (Self::Named { kind: one, .. }, Self::Named { kind: other, .. }) => one == other,
            _ => false,
        }
    }

    /// Returns its id, where it has one.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Message(MessageId(id)) | Self::Saga(SagaId(id)) | Self::Operation(OperationId(id)) | Self::Id(id) => {
                Some(*id)
            }
            Self::Request(_) | Self::Row { .. } | Self::Named { .. } => None,
        }
    }

    /// A name as it stands in a sentence. A UUID as UUIDs are printed is an id.
    fn from_text(text: SmolStr) -> Self {
        const HYPHENATED: usize = 36;
        if text.len() == HYPHENATED
            && let Ok(id) = Uuid::try_parse(&text)
        {
            return Self::Id(id);
        }
        let letters = text.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
        Self::Named { kind: letters.into(), name: text }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(id) => write!(f, "{id}"),
            Self::Saga(id) => write!(f, "{id}"),
            Self::Operation(id) => write!(f, "{id}"),
            Self::Id(id) => write!(f, "{id}"),
            Self::Request(number) => write!(f, "request {number}"),
            Self::Row { store, row } => write!(f, "{store} row {row}"),
            Self::Named { name, .. } => f.write_str(name),
        }
    }
}

impl From<MessageId> for Entity {
    fn from(id: MessageId) -> Self {
        Self::Message(id)
    }
}

impl From<SagaId> for Entity {
    fn from(id: SagaId) -> Self {
        Self::Saga(id)
    }
}

impl From<OperationId> for Entity {
    fn from(id: OperationId) -> Self {
        Self::Operation(id)
    }
}

impl From<Uuid> for Entity {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<&str> for Entity {
    fn from(name: &str) -> Self {
        Self::from_text(name.into())
    }
}

impl From<String> for Entity {
    fn from(name: String) -> Self {
        Self::from_text(name.into())
    }
}

impl From<SmolStr> for Entity {
    fn from(name: SmolStr) -> Self {
        Self::from_text(name)
    }
}

impl From<&SmolStr> for Entity {
    fn from(name: &SmolStr) -> Self {
        Self::from_text(name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_bare_name_is_the_letters_that_it_begins_with() {
        let like = |one: &str, other: &str| Entity::from(one).is_like(&Entity::from(other));
        assert!(like("order-17", "order 3"));
        assert!(!like("order-17", "saga-17"));
        assert!(like("bücher-1", "bücher-2") && like("", "17"));
    }

    #[test]
    fn a_printed_uuid_is_an_id_and_its_letters_are_no_kind() {
        let ids = ["01890a5d-ac96-774b-bcce-b302099a8057", "cafe0a5d-ac96-574b-bcce-b302099a8057"];
        let [one, other] = ids.map(Entity::from);
        assert!(one.is_like(&other));
        assert_eq!((one.id().map(|id| id.to_string()).as_deref(), one.to_string().as_str()), (Some(ids[0]), ids[0]));
        assert!(!one.is_like(&Entity::from(MessageId(Uuid::nil()))), "nobody says that it is a message");
        assert_eq!(Entity::from("01890a5dac96774bbcceb302099a8057").id(), None, "it would be printed otherwise");
    }

    #[test]
    fn an_entity_is_readable_in_json() {
        let id = Uuid::from_u128(7);
        for (entity, json) in [
            (Entity::Message(MessageId(id)), r#"{"message":"00000000-0000-0000-0000-000000000007"}"#),
            (Entity::Request(3), r#"{"request":3}"#),
            (Entity::Row { store: "orders".into(), row: 4 }, r#"{"row":{"store":"orders","row":4}}"#),
            (Entity::named("order", "A-1"), r#"{"named":{"kind":"order","name":"A-1"}}"#),
        ] {
            assert_eq!(serde_json::to_string(&entity).expect("plain data"), json);
            assert_eq!(serde_json::from_str::<Entity>(json).expect("its own"), entity);
        }
    }
}
