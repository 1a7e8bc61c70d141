//! A relay that writes an entry about each publish that failed, and never deletes one: a broker that is down for a minute
//! fills the table.

use seaworthy_core::ports::{Expected, Ports, StoreError, draw_id};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside, fronts, listener, placing, publish, relay_by_hand, settle},
};

pub(super) const WRONG: Service = Service::wrong("keeps-each-failure", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| {
        let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| async move {
            let results = publish(&ports, &rows).await;
            if results.iter().any(Result::is_err) {
                note(&ports, is_right).await?;
            }
            settle(&ports, token, &rows, &results).await
        });
        front_beside(boot, relay, placing)
    }))
}

/// The last failure, or all there ever were.
async fn note(ports: &Ports, is_right: bool) -> Result<(), StoreError> {
    let id = match is_right {
        true => "last".to_owned(),
        false => draw_id(&*ports.clock, &*ports.random).to_string(),
    };
    let mut tx = ports.store.begin().await?;
    tx.put("failures", &id, Expected::Any, b"1".to_vec().into()).await?;
    tx.commit().await
}
