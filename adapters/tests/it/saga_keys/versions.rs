//! Versions that get keys: sagas that began without are found by them from then on.

use seaworthy_core::{
    message::Message,
    ports::SagaStatus,
    saga::{
        Endures, Limited, Migration, Orchestrator, OrchestratorConfig, Registry, SagaBuilder, SagaError, Value, Wait,
        WaitsFor, account,
    },
};

use crate::support::{
    on_each_store,
    saga::{Does, Part},
};

use super::{DAY, DrawsUp, SECOND, deliver, of_invoice, order, paid, paid_invoice, start};

/// The version that it began under knew nothing of keys, and it does not wait yet.
#[test]
fn a_saga_that_passes_to_a_version_with_a_key_is_found_by_it_from_then_on() {
    on_each_store(async |world| {
        let slow = Part::local(|attempt| if attempt < 9 { Does::Fail } else { Does::Well });
        let unkeyed = SagaBuilder::new("order", 1)
            .pivot("invoice", DrawsUp)
            .retriable("send", slow.clone())
            .wait("paid", Wait::message("invoice.paid"))
            .result_of("paid");
        let first = world.sagas(unkeyed.build().expect("three steps"));
        let saga = start(&first, "o-7", 7).await;
        world.pass(SECOND).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let ports = world.replica(3);
        let mut registry = Registry::new();
        registry.register(order(2, slow.clone())).expect("one definition");
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let (recovery, stop) = (next.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        while slow.attempts() < 7 {
            world.pass(SECOND).await;
        }
        assert!(slow.attempts() < 9, "it does not wait yet");
        let mut tx = ports.store.begin().await.expect("up");
        assert_eq!(next.deliver_in(&mut *tx, "order", &paid("invoice-107", 1)).await, Ok(vec![saga]));
        tx.commit().await.expect("up");
        assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
    });
}

/// Versions side by side, one by a key and one by correlation id: a message is for whoever it finds in either way.
#[test]
fn a_message_finds_sagas_of_both_versions_each_in_its_way() {
    on_each_store(async |world| {
        let unkeyed = || {
            let builder = SagaBuilder::new("order", 1).pivot("invoice", DrawsUp).retriable("send", Part::well());
            builder.wait("paid", Wait::message("invoice.paid")).result_of("paid").build().expect("three steps")
        };
        let older = start(&world.sagas(unkeyed()), "o-7", 7).await;
        world.pass(DAY).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let ports = world.replica(3);
        let mut registry = Registry::new();
        registry.register(unkeyed()).expect("a version");
        registry.register(order(2, Part::well())).expect("another");
        let both = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let (recovery, stop) = (both.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        let newer = start(&both, "o-8", 8).await;
        world.pass(DAY).await;
        let answers = Message { correlation_id: older.0, ..paid("invoice of the bank's", 1) };
        assert_eq!(deliver(world, &both, &answers).await, Ok(vec![older]));
        assert_eq!(deliver(world, &both, &paid("invoice-108", 1)).await, Ok(vec![newer]));
        world.pass(DAY).await;
        assert_eq!(world.status_of(older).await, SagaStatus::Completed);
        assert_eq!(world.status_of(newer).await, SagaStatus::Completed);
        // There was one in one of the ways: that says more than that there is none in the other.
        let late = deliver(world, &both, &paid("invoice-108", 2)).await;
        assert!(matches!(late, Err(SagaError::Ended { .. })), "{late:?}");
    });
}

/// It sleeps there for as long as it takes, or for long: nobody wakes it, and what it waits for can't find it.
#[test]
fn a_saga_that_waits_when_its_version_gets_a_key_is_found_by_it_from_then_on() {
    fn unlimited(wait: Wait<u32>) -> Wait<u32> {
        wait
    }
    fn limited(wait: Wait<u32>) -> Wait<u32, Limited> {
        wait.or_else(DAY * 300, Value::NULL)
    }
    fn check<L: Endures + 'static>(limit: fn(Wait<u32>) -> Wait<u32, L>) {
        on_each_store(async |world| {
            let order = |version, name: &str, wait: fn(Wait<u32, L>) -> Wait<u32, L>| {
                let builder = SagaBuilder::new("order", version).pivot("invoice", DrawsUp);
                builder.wait(name, wait(limit(Wait::message("invoice.paid")))).result_of(name).build()
            };
            let first = world.sagas(order(1, "paid", |wait| wait).expect("two steps"));
            let sagas = [start(&first, "o-7", 7).await, start(&first, "o-8", 8).await];
            world.pass(DAY).await;
            world.ports.stop.set();
            world.pass(SECOND).await;
            let ports = world.replica(3);
            let keyed =
                order(2, "settled", |wait| wait.keyed(of_invoice).correlate_by(paid_invoice)).expect("two steps");
            let mut registry = Registry::new();
            registry.register(keyed).expect("one definition");
            registry
                .migration(Migration::new("order", 1, 2).rename("paid", "settled"))
                .expect("to a version that is there");
            // One at a time: those for which there is no room are found later.
            let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default().concurrency(1).batch(1));
            let (recovery, stop) = (next.clone(), ports.stop.clone());
            ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
            world.pass(SECOND * 20).await;
            let account = account(&*world.ports.store, sagas[0]).await.expect("it is there");
            let WaitsFor::Signal { step, key, .. } = &account.waits_for else { panic!("{:?}", account.waits_for) };
            assert_eq!((step.as_str(), key.as_deref()), ("settled", Some("invoice-107")), "as the new version has it");
            for (saga, invoice) in sagas.into_iter().zip(["invoice-107", "invoice-108"]) {
                let mut tx = ports.store.begin().await.expect("up");
                assert_eq!(next.deliver_in(&mut *tx, "order", &paid(invoice, 1)).await, Ok(vec![saga]));
                tx.commit().await.expect("up");
                assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok((invoice.to_owned(), 1)));
            }
            let entries = world.log_of(sagas[0]).await;
            assert_eq!(entries.iter().filter(|entry| *entry == "migrated").count(), 1, "{entries:?}");
        });
    }
    check(unlimited);
    check(limited);
}

/// During a deployment the older release goes on, and leaves sagas at their waits after the new one has looked.
#[test]
fn a_saga_that_an_older_replica_leaves_at_its_wait_is_found_by_its_key_within_minutes() {
    on_each_store(async |world| {
        let unkeyed = SagaBuilder::new("order", 1)
            .pivot("invoice", DrawsUp)
            .wait("paid", Wait::message("invoice.paid"))
            .result_of("paid");
        let older = world.sagas(unkeyed.build().expect("two steps"));
        let ports = world.replica(3);
        let mut registry = Registry::new();
        let keyed = Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice);
        let keyed = SagaBuilder::new("order", 2).pivot("invoice", DrawsUp).wait("paid", keyed).result_of("paid");
        registry.register(keyed.build().expect("two steps")).expect("one definition");
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        let (recovery, stop) = (next.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        world.pass(SECOND).await;
        let saga = start(&older, "o-7", 7).await;
        world.pass(SECOND * 660).await;
        let mut tx = ports.store.begin().await.expect("up");
        assert_eq!(next.deliver_in(&mut *tx, "order", &paid("invoice-107", 1)).await, Ok(vec![saga]));
        tx.commit().await.expect("up");
        assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
    });
}

/// A verb of an operator is the first entry of the new version, and may come before anybody has looked for the saga.
#[test]
fn a_saga_that_passes_by_a_verb_while_it_waits_is_found_by_its_key_as_well() {
    on_each_store(async |world| {
        let order = |version, paid: Wait<u32>| {
            let waits = SagaBuilder::new("order", version).pivot("invoice", DrawsUp);
            let waits = waits.parallel(|group| group.wait("paid", paid).wait("approval", Wait::signal("approved")));
            waits.result_of("paid").build().expect("three steps")
        };
        let first = world.sagas(order(1, Wait::message("invoice.paid")));
        let saga = start(&first, "o-7", 7).await;
        world.pass(DAY).await;
        world.ports.stop.set();
        world.pass(SECOND).await;
        let ports = world.replica(3);
        let mut registry = Registry::new();
        let keyed = Wait::message("invoice.paid").keyed(of_invoice).correlate_by(paid_invoice);
        registry.register(order(2, keyed)).expect("one definition");
        registry.migration(Migration::new("order", 1, 2)).expect("to a version that is there");
        let next = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        next.skip(saga, "approval", "by phone").await.expect("it waits");
        let (recovery, stop) = (next.clone(), ports.stop.clone());
        ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        world.pass(SECOND * 20).await;
        let mut tx = ports.store.begin().await.expect("up");
        assert_eq!(next.deliver_in(&mut *tx, "order", &paid("invoice-107", 1)).await, Ok(vec![saga]));
        tx.commit().await.expect("up");
        assert_eq!(next.handle(saga).result::<(String, u32)>().await, Ok(("invoice-107".to_owned(), 1)));
    });
}
