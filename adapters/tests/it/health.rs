//! A loop that ends at once says so to its process, which is not whole from then on: by its settings, or for want of a part of
//! its store. One that works, or was asked to stop, says nothing.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use seaworthy_core::{
    choreography::ProcessRetention,
    events::{Subscriber, SubscriberConfig},
    inbox::{Consumer, ConsumerConfig, Handlers, InboxRetention},
    outbox::{LogRelay, OutboxRetention, Relay, RelayConfig},
    participant::OperationRetention,
    ports::{DelegateStore, Part, Parts, Ports, Store, StoreError},
    saga::{Orchestrator, OrchestratorConfig, Registry, SagaRetention},
};

use crate::support::{Kind, World, on, warnings::Warnings};

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// A store that lacks a part.
struct Without(Arc<dyn Store>, Part);

#[async_trait]
impl DelegateStore for Without {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }

    fn parts(&self) -> Parts {
        Parts::ALL.without(Parts::new(&[self.1]))
    }
}

fn ended(world: &World) -> Vec<String> {
    world.tasks.parts_ended().iter().map(ToString::to_string).collect()
}

/// Runs a loop whose setting can't work, one on a store that lacks what it needs, and a right one until a stop. `can_work` is
/// whether it gets settings that can.
fn ends_at_once(name: &str, setting: &str, missing: &[Part], run: impl AsyncFn(Ports, bool)) {
    on(Kind::Memory, async |world| {
        let heard = Warnings::listen();
        run(world.ports.clone(), false).await;
        let [told] = &ended(world)[..] else { panic!("told once: {:?}", ended(world)) };
        assert!(told.starts_with(&format!("{name}: its settings can't work: {setting} is ")), "{told}");
        assert!(heard.lines()[0].contains(setting), "the log says so, too: {:?}", heard.lines());
    });
    for part in missing {
        on(Kind::Memory, async |world| {
            let store = Arc::new(Without(world.ports.store.clone(), *part));
            run(Ports { store, ..world.ports.clone() }, true).await;
            let why = format!("{name}: its store lacks what it needs: refused by the store: this store has no {part}");
            let [told] = &ended(world)[..] else { panic!("told once: {:?}", ended(world)) };
            assert!(told.starts_with(&why), "{told}");
        });
    }
    on(Kind::Memory, async |world| {
        let (stop, clock) = (world.ports.stop.clone(), world.ports.clock.clone());
        world.ports.spawn("stop", async move {
            clock.sleep(DAY).await;
            stop.set();
        });
        run(world.ports.clone(), true).await;
        assert_eq!(ended(world), Vec::<String>::new(), "it was asked to stop");
        assert!(world.ports.stop.is_set(), "it went on until then");
    });
}

fn no_handlers() -> Handlers {
    Handlers::builder().build().expect("no handlers are fine")
}

#[test]
fn a_relay_says_that_it_has_ended() {
    ends_at_once("relay", "RelayConfig::batch", &[Part::Outbox], async |ports, can_work| {
        Relay::new(&ports).config(RelayConfig::default().batch(usize::from(can_work))).run().await;
    });
}

#[test]
fn a_relay_of_the_log_says_that_it_has_ended() {
    let needed = [Part::Outbox, Part::Checkpoints];
    ends_at_once("relay tail", "RelayConfig::batch", &needed, async |ports, can_work| {
        LogRelay::new(&ports, "tail").config(RelayConfig::default().batch(usize::from(can_work))).run().await;
    });
}

#[test]
fn a_consumer_says_that_it_has_ended() {
    ends_at_once("consumer shop", "ConsumerConfig::batch", &[Part::Inbox], async |ports, can_work| {
        let config = ConsumerConfig::new(["shop"]).batch(usize::from(can_work));
        Consumer::new(&ports, "shop", no_handlers(), config).run().await;
    });
}

#[test]
fn a_subscriber_says_that_it_has_ended() {
    let needed = [Part::Events, Part::Checkpoints, Part::Inbox];
    ends_at_once("subscriber balances", "SubscriberConfig::page", &needed, async |ports, can_work| {
        let config = SubscriberConfig::default().page(usize::from(can_work));
        Subscriber::new(&ports, "balances", no_handlers()).config(config).run().await;
    });
}

#[test]
fn a_recovery_says_that_it_has_ended() {
    ends_at_once("recovery of sagas", "OrchestratorConfig::batch", &[Part::Sagas], async |ports, can_work| {
        let config = OrchestratorConfig::default().batch(usize::from(can_work));
        Orchestrator::new(&ports, Registry::new(), config).run_recovery(&ports.stop).await;
    });
}

#[test]
fn retentions_say_that_they_have_ended() {
    ends_at_once("retention of outbox", "OutboxRetention::batch", &[Part::Outbox], async |ports, can_work| {
        OutboxRetention::default().batch(usize::from(can_work)).run(ports).await;
    });
    ends_at_once("retention of inbox", "InboxRetention::batch", &[Part::Inbox], async |ports, can_work| {
        let retention = InboxRetention::new(DAY * 2, DAY).expect("kept for longer");
        retention.batch(usize::from(can_work)).run(vec!["shop".into()], ports).await;
    });
    ends_at_once("retention of sagas", "SagaRetention::batch", &[Part::Sagas], async |ports, can_work| {
        SagaRetention::default().batch(usize::from(can_work)).run(ports).await;
    });
    ends_at_once("retention of operations", "OperationRetention::batch", &[Part::Operations], async |ports, works| {
        OperationRetention::new(DAY * 2, DAY).batch(usize::from(works)).run(ports).await;
    });
    ends_at_once("retention of processes", "ProcessRetention::batch", &[Part::Documents], async |ports, can_work| {
        ProcessRetention::new("process.games", DAY).batch(usize::from(can_work)).run(ports).await;
    });
}

#[test]
fn a_task_that_returns_an_error_says_so() {
    on(Kind::Memory, async |world| {
        let heard = Warnings::listen();
        world.ports.try_spawn("well", async { Ok::<(), StoreError>(()) });
        let clock = world.ports.clock.clone();
        world.ports.try_spawn("report", async move {
            clock.sleep(Duration::from_secs(5)).await;
            Err(StoreError::Refused("no such table".into()))
        });
        world.pass(Duration::from_secs(4)).await;
        assert_eq!(ended(world), Vec::<String>::new());
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(ended(world), ["report: refused by the store: no such table"]);
        assert!(heard.lines()[0].contains("no such table"), "{:?}", heard.lines());
    });
}
