//! No relay goes round: each request publishes what is there, and when no further one comes, what the broker did not take
//! stays where it is.

use seaworthy_core::{
    outbox::Relay,
    ports::{Ports, StoreError},
};
use seaworthy_sim::scenario::Topology;

use crate::small_service::{
    Answer, Service,
    messaging::{front_beside_relay, fronts, listener, place, placing},
    serve,
};

pub(super) const WRONG: Service = Service::wrong("publishes-with-the-request-only", topology);

fn topology(is_right: bool) -> Topology {
    listener(fronts(move |boot| async move {
        if is_right {
            return front_beside_relay(boot, placing).await;
        }
        serve(boot.ports, |ports, name| Box::pin(async move { place_and_publish(&ports, &name).await })).await;
    }))
}

async fn place_and_publish(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let answer = place(ports, name, name).await?;
    // The order stands, whatever becomes of its event.
    let _ = Relay::new(ports).pass().await;
    Ok(answer)
}
