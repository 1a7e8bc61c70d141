//! Lists of sagas, for operators.

use std::collections::BTreeMap;

use seaworthy_core::ports::{ListedSaga, SagaListRequest, SagaStatus, Tally, Timestamp};

use super::{Saga, Sagas};

impl Sagas {
    /// A saga's place is the order in which it was created. All of them are looked at: an index that every saga had to
    /// keep up would cost each run of a simulation, and lists are asked for by people.
    pub(in crate::store::model) fn list(&self, request: &SagaListRequest, now: Timestamp) -> Vec<ListedSaga> {
        let listed = self.there().skip_while(|(_, number)| *number <= request.after).map(|(saga, number)| ListedSaga {
            number,
            saga: saga.instance.clone(),
            started_at: saga.started,
            since: saga.since,
        });
        listed.filter(|listed| request.asks_for(listed, now)).take(request.limit).collect()
    }

    /// Counts sagas by status, and says since when the oldest of those that have not ended has had it.
    pub(in crate::store::model) fn census(&self) -> BTreeMap<SagaStatus, Tally> {
        let mut sagas = BTreeMap::<SagaStatus, Tally>::new();
        for (saga, _) in self.there() {
            let status = saga.instance.status;
            let tally = sagas.entry(status).or_default();
            if status.is_terminal() {
                tally.count += 1;
            } else {
                tally.add(saga.since);
            }
        }
        sagas
    }

    /// Returns the number of sagas that were not deleted.
    pub(in crate::store::model) fn row_count(&self) -> u64 {
        self.by_id.len() as u64
    }

    /// Sagas that were not deleted, with their places.
    fn there(&self) -> impl Iterator<Item = (&Saga, u64)> {
        self.sagas.iter().map(|(place, saga)| (saga, place as u64 + 1))
    }
}
