//! A consumer group of the shop that acknowledges and does nothing is told by a strict check; no group of a right service is.

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{Either, select};
use seaworthy_core::ports::{Ports, Store, SubscriptionSpec, Timestamp};
use seaworthy_order_fulfillment::messages::{ORDERS_SERVICE, SHIPMENT_EVENTS};
use seaworthy_scenarios::{
    controls,
    order_fulfillment::{OrderFulfillment, Orders},
    payments::PaymentService,
    welcoming::Welcoming,
};
use seaworthy_sim::{
    check,
    explore::{Campaign, Gap},
    plan::Profile,
    scenario::{Client, Draw, Scenario, Topology},
};

/// The shop, with somebody else who listens to it.
struct Audited {
    shop: OrderFulfillment,
    is_observer: bool,
}

impl Audited {
    fn new(is_observer: bool) -> Self {
        Self { shop: OrderFulfillment::new(), is_observer }
    }
}

#[async_trait]
impl Scenario for Audited {
    type Workload = Orders;

    fn name(&self) -> &str {
        "audited"
    }

    fn about(&self) -> &str {
        "the shop with a second group that acknowledges and does nothing"
    }

    fn topology(&self) -> Topology {
        let topology = self.shop.topology().process("audit-1", "audit", "audit", |boot| acknowledge(boot.ports));
        let topics = &[ORDERS_SERVICE, SHIPMENT_EVENTS];
        if self.is_observer { topology.observer("audit", topics) } else { topology.group("audit", topics) }
    }

    fn workload(&self, draw: &mut Draw) -> Orders {
        self.shop.workload(draw)
    }

    async fn prepare(&self, workload: &Orders, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        self.shop.prepare(workload, store).await;
    }

    async fn drive(&self, workload: &Orders, client: Client) {
        self.shop.drive(workload, client).await;
    }

    fn shares_threads(&self) -> bool {
        true
    }

    fn epoch(&self) -> Timestamp {
        self.shop.epoch()
    }
}

/// Time that the broker has for an answer.
const BROKER_LIMIT: Duration = Duration::from_secs(20);

async fn acknowledge(ports: Ports) {
    let topics = vec![ORDERS_SERVICE.into(), SHIPMENT_EVENTS.into()];
    let spec = SubscriptionSpec { group: "audit".into(), topics };
    while !ports.stop.is_set() {
        let subscribed = select(ports.broker.subscribe(&spec), ports.clock.limit(BROKER_LIMIT)).await;
        if let Either::Left((Ok(subscription), _)) = subscribed {
            while let Either::Left((Ok(deliveries), _)) =
                select(subscription.receive(16), pin!(ports.stop.wait())).await
            {
                for delivery in deliveries {
                    // What the broker does not answer in time comes again.
                    select(subscription.ack(delivery.tag), ports.clock.limit(BROKER_LIMIT)).await;
                }
            }
        }
        ports.clock.sleep(Duration::from_millis(200)).await;
    }
}

/// The groups that a campaign tells, with how many messages they acknowledged.
fn idle(campaign: &Campaign) -> Vec<(String, u64)> {
    let idle = |gap: Gap| match gap {
        Gap::Idle { group, acknowledged } => Some((group, acknowledged)),
        _ => None,
    };
    campaign.verdict().warnings.into_iter().filter_map(|warning| idle(warning.gap)).collect()
}

#[test]
fn a_second_group_of_the_shop_that_does_nothing_is_told_and_one_that_is_declared_to_look_on_is_not() {
    let strict = |is_observer| {
        let checked = check(Audited::new(is_observer)).seeds(2_000).base_seed(0x5ea_000b).verify();
        checked.unwrap_or_else(|error| panic!("{error}"))
    };
    let told = idle(&strict(false));
    assert_eq!(told.len(), 1, "{told:?}");
    let (group, acknowledged) = &told[0];
    assert_eq!(group, "audit");
    assert!(*acknowledged > 2_000, "each order has several events: {acknowledged}");
    assert_eq!(idle(&strict(true)), []);
}

#[test]
fn no_consumer_group_of_a_right_service_is_told() {
    let shop = acknowledging(OrderFulfillment::new());
    assert_eq!(shop, ["orders", "shipping"]);
    let (welcoming, payments) = (acknowledging(Welcoming), acknowledging(PaymentService::new()));
    let controls: Vec<String> = controls::all().into_iter().flat_map(acknowledging).collect();
    assert!(!(welcoming.is_empty() || payments.is_empty() || controls.is_empty()));
}

/// The groups of a right service that acknowledge something. In good weather they do the least.
fn acknowledging<S: Scenario>(scenario: S) -> Vec<String> {
    let campaign = check(scenario).profile(Profile::Calm).seeds(100).report().expect("the check has seeds");
    assert_eq!(idle(&campaign), [], "{}", campaign.scenario);
    campaign.groups.keys().map(ToString::to_string).collect()
}
