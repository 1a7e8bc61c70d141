//! The relay marks its rows as sent and then sends them. Who dies in between has sent nothing.

use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Service,
    messaging::{front_beside, fronts, listener, placing, publish, relay_by_hand, settle},
};

pub(super) const WRONG: Service = Service::wrong("marks-before-it-sends", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| {
        let relay = relay_by_hand(boot.ports.clone(), move |ports, token, rows| async move {
            if is_right {
                return settle(&ports, token, &rows, &publish(&ports, &rows).await).await;
            }
            settle(&ports, token, &rows, &vec![Ok(()); rows.len()]).await?;
            publish(&ports, &rows).await;
            Ok(())
        });
        front_beside(boot, relay, placing)
    }))
}
