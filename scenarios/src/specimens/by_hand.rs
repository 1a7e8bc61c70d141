//! Code that hand-written relays and consumers have in common: everything but the mistake.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, select};
use seaworthy_core::{
    ids::ClaimToken,
    inbox::HandlerError,
    ports::{ClaimRequest, Delivery, OutboxOrder, OutboxRow, Ports, SubscriptionSpec, WhenDead, draw_id},
    wake::{Wake, Woken},
};
use seaworthy_order_fulfillment::{
    Settings,
    messages::{SHIPMENT_REQUESTS, SHIPPING},
};

/// Pause after an error of a store or the broker.
const REST: Duration = Duration::from_millis(200);

/// Claims rows until a stop is asked for and hands them, with their claim, to `publish`; waits where there are none.
pub(super) async fn relay<F>(
    ports: Ports,
    settings: Settings,
    wake: Wake,
    publish: impl Fn(Ports, ClaimToken, Vec<OutboxRow>) -> F,
) where
    F: Future<Output = ()>,
{
    let mut idle = 0;
    while !ports.stop.is_set() {
        let token = ClaimToken(draw_id(&*ports.clock, &*ports.random));
        let request = ClaimRequest {
            token,
            limit: 100,
            lease: Duration::from_secs(30),
            ordering: OutboxOrder::PerKey,
            when_dead: WhenDead::BlockKey,
        };
        match ports.store.claim(&request).await {
            Ok(rows) if rows.is_empty() => {
                let rest = settings.relay_poll.delay(idle, &*ports.random);
                idle = match wake.idle(&*ports.clock, &ports.stop, rest).await {
                    Woken::Hint => 0,
                    Woken::Stop | Woken::Timeout => idle + 1,
                };
            }
            Ok(rows) => {
                idle = 0;
                publish(ports.clone(), token, rows).await;
            }
            Err(_) => ports.clock.sleep(REST).await,
        }
    }
}

/// Receives requests for shipments until a stop is asked for. Each is handled by `handle` and then acknowledged, or given
/// back if that failed; with `ack_first`, it is acknowledged before it is handled.
pub(super) async fn consume<F>(ports: Ports, wake: Wake, ack_first: bool, handle: impl Fn(Ports, Delivery) -> F)
where
    F: Future<Output = Result<(), HandlerError>>,
{
    let spec = SubscriptionSpec { group: SHIPPING.into(), topics: vec![SHIPMENT_REQUESTS.into()] };
    while !ports.stop.is_set() {
        let Ok(mut subscription) = ports.broker.subscribe(&spec).await else {
            ports.clock.sleep(REST).await;
            continue;
        };
        loop {
            let stopped = pin!(ports.stop.wait());
            let received = match select(subscription.receive(16), stopped).await {
                Either::Left((received, _)) => received.ok(),
                Either::Right(_) => None,
            };
            let Some(deliveries) = received else { break };
            for delivery in deliveries {
                let tag = delivery.tag;
                if ack_first {
                    let _ = subscription.ack(tag).await;
                }
                let handled = ports.scope(handle(ports.clone(), delivery)).await;
                wake.hint();
                let _ = match handled {
                    _ if ack_first => Ok(()),
                    Ok(Ok(())) => subscription.ack(tag).await,
                    Ok(Err(_)) | Err(_) => subscription.nack(tag, REST).await,
                };
            }
        }
    }
}
