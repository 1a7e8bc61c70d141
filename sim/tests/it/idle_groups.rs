//! A group that acknowledges messages and leaves nothing behind looks on, or forgets what it is there for. No trace can
//! tell, so nobody is accused; but the campaign says so, until the scenario does.

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::Message,
    ports::{Delivery, Expected, Ports, StoreError, Subscription, SubscriptionSpec, Transaction},
};
use seaworthy_sim::{
    check,
    explore::{Campaign, CampaignVerdict, Excuse, Gap},
    scenario::{Boot, Topology},
};

use crate::small_service::{
    Service,
    messaging::{front_beside_relay, fronts, listener, placing, receive_as},
};

/// So many that nothing is excused by there being few.
const SEEDS: u64 = 1_000;

fn checked(name: &'static str, topology: fn(bool) -> Topology) -> Campaign {
    let checked = check(Service::wrong(name, topology)).seeds(SEEDS).base_seed(0x5ea_000a).verify();
    checked.unwrap_or_else(|error| panic!("{error}"))
}

/// The groups that are told, and nothing else may be.
fn idle(verdict: &CampaignVerdict) -> Vec<&str> {
    let idle = verdict.warnings.iter().map(|warning| match &warning.gap {
        Gap::Idle { group, acknowledged } => {
            assert!(*acknowledged > SEEDS, "each run has a message or more: {acknowledged}");
            assert_eq!(warning.excuse, Some(Excuse::MayLookOn));
            group.as_str()
        }
        other => panic!("{other}"),
    });
    idle.collect()
}

fn shop() -> Topology {
    listener(fronts(|boot| front_beside_relay(boot, placing)))
}

async fn acknowledge(boot: Boot) {
    acknowledge_as_audit(&boot.ports).await;
}

async fn acknowledge_as_audit(ports: &Ports) {
    let spec = SubscriptionSpec { group: "audit".into(), topics: vec!["orders".into()] };
    while !ports.stop.is_set() {
        receive_as(ports, &spec, &forget).await;
        ports.clock.sleep(crate::small_service::messaging::REST).await;
    }
}

fn forget<'a>(
    _: &'a Ports,
    from: &'a dyn Subscription,
    delivery: &'a Delivery,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        let _ = from.ack(delivery.tag).await;
        Ok(())
    })
}

fn with_audit(_: bool) -> Topology {
    shop().process("audit-1", "audit", "audit", acknowledge).group("audit", &["orders"])
}

fn with_observer(_: bool) -> Topology {
    shop().process("audit-1", "audit", "audit", acknowledge).observer("audit", &["orders"])
}

/// The front itself listens to its own orders, between all that it does.
fn within_a_busy_process(_: bool) -> Topology {
    listener(fronts(|boot| {
        let ports = boot.ports.clone();
        boot.ports.spawn("audit", async move { acknowledge_as_audit(&ports).await });
        front_beside_relay(boot, placing)
    }))
    .group("audit", &["orders"])
}

/// With core's consumer, whose inbox remembers each message.
fn handles<const HOW: u8>(_: bool) -> Topology {
    shop()
        .process("audit-1", "audit", "audit", |boot| async move {
            let handlers =
                Handlers::builder().on("order.placed", Audit(HOW)).build().expect("one handler for one type");
            let config = ConsumerConfig::new(["orders"]);
            Consumer::new(&boot.ports, "audit", handlers, config).run().await;
        })
        .group("audit", &["orders"])
}

const NOT_AT_ALL: u8 = 0;
const THE_THIRD_ORDER: u8 = 1;

struct Audit(u8);

#[async_trait]
impl Handler for Audit {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        if self.0 == THE_THIRD_ORDER && message.subject == "item-3" {
            tx.put("audited", &message.subject, Expected::Absent, b"1".to_vec().into()).await?;
        }
        Ok(())
    }
}

#[test]
fn a_group_that_acknowledges_and_does_nothing_is_told_and_not_accused() {
    let campaign = checked("with-an-audit", with_audit);
    let verdict = campaign.verdict();
    assert_eq!(idle(&verdict), ["audit"]);
    assert!(!verdict.proves(), "where every warning counts, it does");
    let tally = campaign.groups["audit"];
    let line = format!(
        "warning: group audit acknowledged {} messages and never left anything behind (right if it only looks on, and \
         then `Topology::observer` says so; if it writes, to tables that are not declared)",
        tally.acknowledged
    );
    assert!(campaign.to_string().contains(&line), "{campaign}");
    let listener = campaign.groups["listener"];
    assert_eq!((listener.without, listener.with_effect), (0, listener.acknowledged), "each leaves a note");
}

#[test]
fn a_group_that_is_declared_to_look_on_is_not_told() {
    let campaign = checked("with-an-observer", with_observer);
    assert_eq!(idle(&campaign.verdict()), [""; 0]);
    assert!(!campaign.groups.contains_key("audit"));
}

#[test]
fn a_row_in_the_inbox_alone_is_nothing_that_is_left_behind() {
    assert_eq!(idle(&checked("with-a-handler-that-does-nothing", handles::<NOT_AT_ALL>).verdict()), ["audit"]);
}

#[test]
fn a_group_that_leaves_something_behind_now_and_then_is_not_told() {
    let campaign = checked("with-a-choosy-audit", handles::<THE_THIRD_ORDER>);
    assert_eq!(idle(&campaign.verdict()), [""; 0]);
    let tally = campaign.groups["audit"];
    assert!(tally.with_effect < tally.without, "{tally:?}");
}

#[test]
fn what_its_process_does_for_others_meanwhile_does_not_hide_an_idle_group() {
    assert_eq!(idle(&checked("with-an-audit-in-the-front", within_a_busy_process).verdict()), ["audit"]);
}
