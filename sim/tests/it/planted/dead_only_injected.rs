//! The relay gives up whatever the broker has not taken, be it that it was not there.

use seaworthy_core::ports::{PublishError, PublishResult};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside, fronts, listener, placing, publish, relay_by_hand, settle},
};

pub(super) const WRONG: Service = Service::wrong("gives-up-in-an-outage", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| {
        let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| async move {
            let results: Vec<PublishResult> = publish(&ports, &rows).await;
            let given_up =
                |result: PublishResult| result.map_err(|error| PublishError::Refused(error.to_string().into()));
            let results = if is_right { results } else { results.into_iter().map(given_up).collect() };
            settle(&ports, token, &rows, &results).await
        });
        front_beside(boot, relay, placing)
    }))
}
