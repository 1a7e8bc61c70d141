//! Identifiers: drawn for what is new, derived for everything else.
//!
//! New things get a UUIDv7 from the injected clock and randomness. What follows from something that has an id (an
//! operation of a saga, an event of a saga step) gets a UUIDv5 over that id, so that doing it again names it the same.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::{Clock, Random};

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

/// Which way a step is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Forward.
    Action,
    /// Back.
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

/// A new UUIDv7 from the process's clock and randomness.
pub fn draw(clock: &dyn Clock, random: &dyn Random) -> Uuid {
    let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    let high = (millis << 16) | 0x7000 | (random.next_u64() & 0x0fff);
    let low = (random.next_u64() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
    Uuid::from_u64_pair(high, low)
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
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        time::Duration,
    };

    use async_trait::async_trait;
    use uuid::Variant;

    use super::*;
    use crate::ports::Timestamp;

    struct At(i64);

    #[async_trait]
    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0)
        }

        async fn sleep(&self, _: Duration) {}
    }

    struct Bits(AtomicU64);

    impl Random for Bits {
        fn next_u64(&self) -> u64 {
            self.0.fetch_xor(u64::MAX, Ordering::Relaxed)
        }
    }

    #[test]
    fn a_drawn_id_is_a_uuid_of_version_7_with_the_time_of_the_clock_in_front_and_random_bits_behind() {
        let bits = Bits(AtomicU64::new(0));
        let (first, second) = (draw(&At(0x0123_4567_89ab), &bits), draw(&At(0x0123_4567_89ac), &bits));
        for id in [first, second] {
            assert_eq!((id.get_version_num(), id.get_variant()), (7, Variant::RFC4122), "{id}");
        }
        assert_eq!(first.to_string(), "01234567-89ab-7000-bfff-ffffffffffff", "zeroes, and then ones");
        assert!(first < second, "later ids are greater");
        // The years before 1970 have no place in such an id; they must not spill over into the version.
        assert_eq!(draw(&At(-1), &bits).get_version_num(), 7);
    }

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
}
