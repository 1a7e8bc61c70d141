use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Sourced;

/// Snapshot of a state, with the shape that it has.
#[derive(Serialize, Deserialize)]
struct Snapshot<S> {
    shape: u32,
    state: S,
}

type Encode<A> = fn(&A) -> serde_json::Result<Vec<u8>>;
type Decode<A> = fn(&[u8]) -> Option<A>;

/// Snapshots of an aggregate: how often, and how they are written and read.
pub(super) struct Snapshots<A> {
    pub(super) every: u64,
    pub(super) encode: Encode<A>,
    /// Nothing where it has another shape: then it is as if there were none.
    pub(super) decode: Decode<A>,
}

impl<A> Clone for Snapshots<A> {
    fn clone(&self) -> Self {
        Self { every: self.every, encode: self.encode, decode: self.decode }
    }
}

impl<A: Sourced + Serialize + DeserializeOwned> Snapshots<A> {
    /// Snapshots as JSON, one each time that a stream has grown by so many events.
    pub(super) fn every(events: u64) -> Self {
        Self {
            every: events.max(1),
            encode: |state| serde_json::to_vec(&Snapshot { shape: A::SHAPE, state }),
            decode: |bytes| {
                let snapshot: Snapshot<serde_json::Value> = serde_json::from_slice(bytes).ok()?;
                (snapshot.shape == A::SHAPE).then(|| serde_json::from_value(snapshot.state).ok()).flatten()
            },
        }
    }
}
