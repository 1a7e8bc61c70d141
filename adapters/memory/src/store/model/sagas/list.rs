//! Lists of sagas, for operators.

use seaworthy_core::ports::{ListedSaga, SagaListRequest};

use super::{Saga, Sagas};

impl Sagas {
    /// A saga's place is the order in which it was created. All of them are looked at: an index that every saga had to
    /// keep up would cost each run of a simulation, and lists are asked for by people.
    pub(in crate::store::model) fn list(&self, request: &SagaListRequest) -> Vec<ListedSaga> {
        let behind = usize::try_from(request.after).unwrap_or(usize::MAX);
        let is_there = |(saga, number): &(&Saga, u64)| {
            self.by_id.get(&saga.instance.id).is_some_and(|position| *position as u64 + 1 == *number)
        };
        let listed = self.sagas.iter().zip(1..).skip(behind).filter(is_there).map(|(saga, number)| ListedSaga {
            number,
            saga: saga.instance.clone(),
            started_at: saga.started,
            since: saga.since,
        });
        listed.filter(|listed| request.asks_for(listed)).take(request.limit).collect()
    }
}
