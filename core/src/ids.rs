//! Identifiers: drawn for what is new, derived for everything else.
//!
//! New things get a UUIDv7 from the injected clock and randomness ([`draw_id`](crate::ports::draw_id)). What follows from
//! something that has an id (an operation of a saga, an event of a saga step) gets a UUIDv5 over that id, so that doing it
//! again names it the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Everything derived in seaworthy lives below this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x5ea3_0a7b_9d0c_5f11_8a44_c0de_f00d_5ea5);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

id!(
    /// Id of a message and of the event that it carries: they are the same from end to end.
    MessageId
);
id!(
    /// Id of one saga instance.
    SagaId
);
id!(
    /// Idempotency key of one operation at a participant; the same for every attempt.
    ///
    /// ```
    /// use seaworthy_core::ids::{Direction, OperationId, SagaId};
    /// let saga = SagaId(uuid::Uuid::from_u128(7));
    /// let first = OperationId::derive(saga, "charge", Direction::Action);
    /// assert_eq!(first, OperationId::derive(saga, "charge", Direction::Action));
    /// assert_ne!(first, OperationId::derive(saga, "charge", Direction::Compensation));
    /// ```
    OperationId
);
id!(
    /// Names one claim of outbox rows; settling takes it, so that a relay which lost its claim changes nothing.
    ClaimToken
);

/// Direction in which a step is carried out.
///
/// Closed on purpose: a step is carried out or undone, and there is no third way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Forward: the action of a step.
    Action,
    /// Back: the compensation of a step.
    Compensation,
}

impl OperationId {
    /// The operation id of a step of a saga: UUIDv5 of saga id, step path and direction. The attempt has no part in it.
    pub fn derive(saga: SagaId, step: &str, direction: Direction) -> Self {
        let way = match direction {
            Direction::Action => "action",
            Direction::Compensation => "compensation",
        };
        Self(derive(saga.0, &[step, way]))
    }
}

/// UUIDv5 over a parent id and the parts that name the child. The parts are separated, so `["ab", "c"]` and
/// `["a", "bc"]` differ.
pub fn derive(parent: Uuid, parts: &[&str]) -> Uuid {
    let mut name = Vec::with_capacity(16 + parts.iter().map(|part| part.len() + 1).sum::<usize>());
    name.extend_from_slice(parent.as_bytes());
    for part in parts {
        name.push(0x1f);
        name.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

/// Ids one after the other; written out only if somebody listens.
pub(crate) struct List<'a>(pub(crate) &'a [MessageId]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, id) in self.0.iter().enumerate() {
            write!(f, "{}{id}", if number == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Variant;

    use super::*;

    /// Fixed for good: ids that were derived before are stored, and must come out the same again.
    #[test]
    fn a_derived_id_is_a_uuid_of_version_5_that_never_changes() {
        let parent = Uuid::from_u128(7);
        let id = derive(parent, &["charge", "action"]);
        assert_eq!((id.get_version_num(), id.get_variant()), (5, Variant::RFC4122));
        assert_eq!(id, OperationId::derive(SagaId(parent), "charge", Direction::Action).0);
        assert_eq!(id.to_string(), "5c3210f4-c3da-5813-9e6e-1c01244077f6");
        let others = [
            derive(parent, &["charge", "compensation"]),
            derive(Uuid::from_u128(8), &["charge", "action"]),
            derive(parent, &["charg", "eaction"]),
            derive(parent, &["charge", "act", "ion"]),
            derive(parent, &["chargeaction"]),
        ];
        assert!(!others.contains(&id), "{others:?}");
    }

    #[test]
    fn a_list_of_ids_is_written_one_after_the_other() {
        let ids = [7, 8].map(|number| MessageId(Uuid::from_u128(number)));
        assert_eq!(List(&[]).to_string(), "");
        assert_eq!(List(&ids).to_string(), format!("{} {}", ids[0], ids[1]));
    }
}
