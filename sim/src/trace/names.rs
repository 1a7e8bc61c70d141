use std::collections::BTreeMap;

use seaworthy_core::ids::{ClaimToken, MessageId, OperationId, SagaId};
use uuid::Uuid;

/// Short names for ids, in the order of their first appearance: `m1`, `m2` ... for messages, `s1` for sagas, `op1` for
/// operations, `claim1` for claims.
///
/// The same trace always gets the same names, and two traces that begin alike have the same names up to where they
/// part.
#[derive(Clone, Debug, Default)]
pub struct Names {
    messages: BTreeMap<Uuid, usize>,
    sagas: BTreeMap<Uuid, usize>,
    operations: BTreeMap<Uuid, usize>,
    claims: BTreeMap<Uuid, usize>,
}

impl Names {
    /// Nothing named yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of a message.
    pub fn message(&mut self, id: MessageId) -> String {
        format!("m{}", number(&mut self.messages, id.0))
    }

    /// The name of a saga.
    pub fn saga(&mut self, id: SagaId) -> String {
        format!("s{}", number(&mut self.sagas, id.0))
    }

    /// The name of an operation.
    pub fn operation(&mut self, id: OperationId) -> String {
        format!("op{}", number(&mut self.operations, id.0))
    }

    /// The name of a claim.
    pub fn claim(&mut self, token: ClaimToken) -> String {
        format!("claim{}", number(&mut self.claims, token.0))
    }

    /// The name of whatever has this id, if it has appeared: what an invariant calls by its id can be called by its
    /// name.
    pub fn find(&self, id: Uuid) -> Option<String> {
        let kinds = [("m", &self.messages), ("s", &self.sagas), ("op", &self.operations), ("claim", &self.claims)];
        kinds.into_iter().find_map(|(prefix, known)| Some(format!("{prefix}{}", known.get(&id)?)))
    }
}

fn number(known: &mut BTreeMap<Uuid, usize>, id: Uuid) -> usize {
    let next = known.len() + 1;
    *known.entry(id).or_insert(next)
}
