//! A store that does not answer, or a broker: whoever waits for it in a loop of ours gives the call up after a while, says so, and goes on.
//! Each operation of each loop hangs once, and the work is done all the same.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    choreography::ProcessRetention,
    events::SubscriberConfig,
    inbox::{ConsumerConfig, HandlerError, InboxRetention},
    outbox::{LogRelay, OutboxRetention, Relay, RelayConfig},
    participant::OperationRetention,
    ports::{Intercepted, Operation, Ports, SagaStatus},
    saga::{Orchestrator, OrchestratorConfig, Registry, SagaBuilder, SagaRetention, saga_id},
    settings::InvalidSetting,
};

use crate::support::{
    World,
    calls::{Calls, Fate},
    events::{append, journal, subscriber, write_down},
    inbox::{SHOP, Scripted, order},
    messages::message,
    on_each_store,
    saga::{Does, Part},
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

/// Time that the store has, of each loop here.
const LIMIT: Duration = Duration::from_secs(3);

/// Runs a test on each store, once for each of these operations, whose call of this number never returns. The test is given
/// the ports of that store, and `is_done` once everything is as it should be, for which there is a minute.
fn goes_on(hanging: &[(Operation, usize)], begin: impl AsyncFn(&World, &Ports), is_done: impl AsyncFn(&World) -> bool) {
    for (operation, number) in hanging.iter().copied() {
        println!("{} number {number} hangs", operation.name()); // Shown with a failure.
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let script = move |called, count| {
                if (called, count) == (operation, number) { Fate::Hangs } else { Fate::Well }
            };
            let (calls, ports) = Calls::before(&world.ports, script);
            let broker = Arc::new(Intercepted::new(ports.broker.clone(), calls.clone()));
            let ports = Ports { broker, ..ports };
            begin(world, &ports).await;
            let mut waited = 0;
            while !is_done(world).await {
                waited += 1;
                assert!(waited < 60, "it waits for ever: {:?}", heard.lines());
                world.pass(SECOND).await;
            }
            assert!(calls.times(operation).len() >= number, "the call was never made");
            let said = |line: &&String| {
                line.contains("has not answered, and its call is dropped") || line.contains("has not returned")
            };
            assert!(heard.lines().iter().any(|line| said(&line)), "nobody hears of it: {:?}", heard.lines());
        });
    }
}

fn relay() -> RelayConfig {
    RelayConfig::default().store_limit(LIMIT).lease(5 * SECOND)
}

async fn is_sent(world: &World) -> bool {
    world.broker.accepted_of("orders") > 0 && world.ports.store.backlog().await.is_ok_and(|backlog| backlog.is_idle())
}

#[test]
fn a_relay_whose_store_does_not_answer_goes_on() {
    goes_on(
        &[(Operation::Claim, 1), (Operation::Settle, 1)],
        async |world, ports| {
            world.stage([message("orders", 1)]).await;
            ports.spawn("relay", Relay::new(ports).config(relay()).run());
        },
        is_sent,
    );
}

#[test]
fn a_relay_of_the_log_whose_store_does_not_answer_goes_on() {
    use Operation::{Begin, Checkpoint, Commit, OutboxAttempt, OutboxDispatched, OutboxSettledTo, SetCheckpoint, Tail};
    let first = [Tail, Begin, OutboxAttempt, Commit, OutboxDispatched, OutboxSettledTo, Checkpoint, SetCheckpoint];
    goes_on(
        &[&first.map(|hangs| (hangs, 1))[..], &[(Begin, 2), (Commit, 2)]].concat(),
        async |world, ports| {
            world.stage([message("orders", 1)]).await;
            ports.spawn("relay", LogRelay::new(ports, "tail").config(relay()).run());
        },
        is_sent,
    );
}

fn consumer(config: ConsumerConfig) -> ConsumerConfig {
    config.store_limit(LIMIT).handler_limit(2 * SECOND).redrive_requests(SECOND).broker_limit(LIMIT)
}

/// A handler that writes, or fails the first time.
fn writes(fails_first: bool) -> Scripted {
    let first = Arc::new(std::sync::atomic::AtomicBool::new(fails_first));
    Scripted::new(move |tx, message| {
        let fails = first.swap(false, std::sync::atomic::Ordering::SeqCst);
        Box::pin(async move {
            if fails {
                return Err(HandlerError::Unavailable("not yet".into()));
            }
            write_down(tx, "shop", message).await
        })
    })
}

async fn handled(world: &World) -> usize {
    let mut tx = world.ports.store.begin().await.expect("a store that is up");
    let found = tx.get("journals", "shop").await.expect("a store that is up");
    let seen: Vec<String> = found.map_or_else(Vec::new, |seen| serde_json::from_slice(&seen.body).expect("a journal"));
    seen.len()
}

#[test]
fn a_consumer_whose_store_does_not_answer_handles_each_message_once() {
    goes_on(
        &[Operation::Begin, Operation::InboxInsert, Operation::Commit].map(|hangs| (hangs, 1)),
        async |world, ports| {
            world.publish([order(1), order(2)]).await;
            ports.spawn("consumer", writes(false).consumer(ports, consumer).run());
        },
        async |world| world.unacknowledged() == 0 && handled(world).await == 2,
    );
}

/// Connections that are half open: whatever the broker is told by them, it never answers.
#[test]
fn a_consumer_whose_broker_does_not_answer_handles_each_message_once() {
    for workers in [1, 3] {
        goes_on(
            &[Operation::Subscribe, Operation::Ack, Operation::Nack].map(|hangs| (hangs, 1)),
            async |world, ports| {
                world.publish([order(1), order(2)]).await;
                ports.spawn("consumer", writes(true).consumer(ports, |config| consumer(config).workers(workers)).run());
            },
            async |world| world.unacknowledged() == 0 && handled(world).await == 2,
        );
    }
}

/// The transaction in which a failure is counted, and the handler's that came before it.
#[test]
fn a_consumer_whose_failure_can_not_be_counted_goes_on() {
    goes_on(
        &[(Operation::Begin, 2), (Operation::InboxFailed, 1), (Operation::Commit, 1)],
        async |world, ports| {
            world.publish([order(1)]).await;
            ports.spawn("consumer", writes(true).consumer(ports, consumer).run());
        },
        async |world| world.unacknowledged() == 0 && handled(world).await == 1,
    );
}

/// It was given up; an operator asks for it while the store does not answer whoever looks for requests, or takes one up.
#[test]
fn a_consumer_that_looks_for_requests_goes_on() {
    for (operation, number) in [
        (Operation::DeadLetters, 1),
        (Operation::Begin, 1),
        (Operation::InboxExhume, 1),
        (Operation::InboxBury, 1),
        (Operation::Begin, 2),
        (Operation::InboxExhume, 2),
    ] {
        goes_on(
            &[(operation, number)],
            async |world, ports| {
                // Given up by a process that has gone since.
                let refuses = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("closed".into())) }));
                let stop = seaworthy_core::stop::Stop::new();
                world.publish([order(1)]).await;
                world.ports.spawn("first", refuses.consumer(&world.ports, consumer).stop(stop.clone()).run());
                world.pass(SECOND / 2).await;
                stop.set();
                world.pass(2 * SECOND).await;
                let asked = seaworthy_core::ports::DeadLetterRequest::new(SHOP, 10);
                let letters = world.ports.store.ask_redrive(&asked).await.expect("a store that is up");
                assert_eq!(letters.len(), 1);
                ports.spawn("consumer", writes(false).consumer(ports, consumer).run());
                // What was taken back before it hung is asked for once more.
                let (store, clock) = (world.ports.store.clone(), world.ports.clock.clone());
                world.ports.spawn("operator", async move {
                    loop {
                        clock.sleep(8 * SECOND).await;
                        let _ = store.ask_redrive(&asked).await;
                    }
                });
            },
            async |world| handled(world).await == 1 && world.letters().await.is_empty(),
        );
    }
}

fn reads(config: SubscriberConfig) -> SubscriberConfig {
    config.store_limit(LIMIT).handler_limit(2 * SECOND)
}

fn notes() -> Scripted {
    Scripted::new(|tx, message| Box::pin(write_down(tx, "reader", message)))
}

#[test]
fn a_subscriber_whose_store_does_not_answer_has_each_effect_once() {
    use Operation::{Begin, Checkpoint, Commit, DeadLetters, InboxFailed, ReadEvents, SetCheckpoint};
    let hanging = [(Begin, 1), (Checkpoint, 1), (ReadEvents, 1), (DeadLetters, 1), (InboxFailed, 1), (Commit, 1)];
    goes_on(
        &[&hanging[..], &[(Begin, 3), (Checkpoint, 3), (SetCheckpoint, 1), (Commit, 2)]].concat(),
        async |world, ports| {
            append(world.store().as_ref(), "account-1", 1..=3).await;
            ports.spawn("reader", subscriber(ports, "reader", &notes(), reads).run());
        },
        async |world| journal(world.store().as_ref(), "reader").await == [1, 2, 3],
    );
}

/// Parked by a subscriber that has gone since, and asked for.
#[test]
fn a_subscriber_that_takes_up_what_is_parked_goes_on() {
    use Operation::{DeadLetters, InboxExhume};
    goes_on(
        &[(DeadLetters, 2), (DeadLetters, 3), (InboxExhume, 1), (InboxExhume, 2)],
        async |world, ports| {
            let refuses = Scripted::new(|_, _| Box::pin(async { Err(HandlerError::Refused("closed".into())) }));
            let stop = seaworthy_core::stop::Stop::new();
            append(world.store().as_ref(), "account-1", 1..=1).await;
            let first = subscriber(&world.ports, "reader", &refuses, reads).stop(stop.clone());
            world.ports.spawn("first", first.run());
            world.pass(SECOND).await;
            stop.set();
            world.pass(2 * SECOND).await;
            ports.spawn("reader", subscriber(ports, "reader", &notes(), reads).run());
            let (store, clock) = (world.ports.store.clone(), world.ports.clock.clone());
            let asked = seaworthy_core::ports::DeadLetterRequest::new("reader", 10);
            world.ports.spawn("operator", async move {
                loop {
                    let _ = store.ask_redrive(&asked).await;
                    clock.sleep(8 * SECOND).await;
                }
            });
        },
        async |world| journal(world.store().as_ref(), "reader").await == [1],
    );
}

fn trip() -> seaworthy_core::saga::Definition<u32> {
    let pay = Part::local(|attempt| if attempt == 1 { Does::Conflict } else { Does::Well });
    SagaBuilder::new("trip", 1)
        .compensatable("book", Part::remote(|_| Does::Well), Part::well())
        .pivot("pay", pay)
        .build()
        .expect("two steps that fit together")
}

fn sagas() -> OrchestratorConfig {
    OrchestratorConfig::default().store_limit(LIMIT).lease(3 * SECOND)
}

fn orchestrator(ports: &Ports) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(trip()).expect("one definition");
    Orchestrator::new(ports, registry, sagas())
}

/// Started on a store that is well, by a process that is gone at once; each of the calls with which another one takes it over,
/// reads it and drives it to its end hangs once.
#[test]
fn a_saga_whose_store_does_not_answer_comes_to_its_end() {
    use Operation::{AcquireSagas, Begin, Commit, Now, Saga, SagaAppend, SagaLog};
    let hanging = [(Now, 1), (AcquireSagas, 1), (SagaLog, 1), (Begin, 1), (SagaAppend, 1), (Commit, 1)];
    goes_on(
        &[&hanging[..], &[(Begin, 2), (Begin, 3), (SagaAppend, 2), (Commit, 2), (Saga, 1)]].concat(),
        async |world, ports| {
            let there = Orchestrator::new(&world.ports, registry(), sagas());
            let mut tx = world.ports.store.begin().await.expect("up");
            let started = there.start_in(&mut *tx, "trip", "t-1", &1_u32).await.expect("up");
            tx.commit().await.expect("up");
            std::mem::forget(started);
            let (recovery, stop) = (orchestrator(ports), ports.stop.clone());
            ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
        },
        async |world| {
            let saga = world.ports.store.saga(saga_id("trip", "t-1")).await.expect("up").expect("it was started");
            saga.status == SagaStatus::Completed
        },
    );
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.register(trip()).expect("one definition");
    registry
}

/// The saga waits for its participant for longer than a renewal may take.
#[test]
fn a_saga_whose_lease_can_not_be_renewed_is_renewed_the_next_time() {
    goes_on(
        &[(Operation::RenewSaga, 1)],
        async |world, ports| {
            let slow = Part::remote(|_| Does::Take(9_000));
            let definition = SagaBuilder::new("trip", 1).compensatable("book", slow, Part::well());
            let definition = definition.pivot("pay", Part::well()).build().expect("two steps");
            let mut registry = Registry::new();
            registry.register(definition).expect("one definition");
            let sagas = Orchestrator::new(ports, registry, sagas());
            let (recovery, stop) = (sagas.clone(), ports.stop.clone());
            ports.spawn("recovery", async move { recovery.run_recovery(&stop).await });
            let mut tx = world.ports.store.begin().await.expect("up");
            let started = sagas.start_in(&mut *tx, "trip", "t-1", &1_u32).await.expect("up");
            tx.commit().await.expect("up");
            sagas.launch(&started);
        },
        async |world| {
            let saga = world.ports.store.saga(saga_id("trip", "t-1")).await.expect("up").expect("it was started");
            saga.status == SagaStatus::Completed
        },
    );
}

/// It hears of the end from nobody else, so it looks.
#[test]
fn whoever_awaits_a_saga_asks_again_where_the_store_does_not_answer() {
    goes_on(
        &[(Operation::Saga, 1)],
        async |world, ports| {
            let there = world.sagas(trip());
            let started = there.start("trip", "t-1", &1_u32).await.expect("up");
            let (handle, store) = (orchestrator(ports).handle(started.saga), world.ports.store.clone());
            ports.spawn("waits", async move {
                handle.outcome().await.expect("it ends");
                let mut tx = store.begin().await.expect("up");
                tx.put("heard", "t-1", seaworthy_core::ports::Expected::Any, "1".into()).await.expect("up");
                tx.commit().await.expect("up");
            });
        },
        async |world| {
            let mut tx = world.ports.store.begin().await.expect("up");
            tx.get("heard", "t-1").await.expect("up").is_some()
        },
    );
}

/// The first sweep hangs at its first batch. Each retention has its own table; that the loop goes on shows in the next call.
#[test]
fn a_retention_whose_store_does_not_answer_goes_on() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let retentions: [(Operation, fn(Ports)); 6] = [
        (Operation::PurgeDispatched, |ports| {
            let retention = OutboxRetention::default().every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(ports.clone()));
        }),
        (Operation::PurgeInbox, |ports| {
            let retention = InboxRetention::new(DAY * 2, DAY).expect("longer").every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(vec![SHOP.into()], ports.clone()));
        }),
        (Operation::PurgeSagaLogs, |ports| {
            ports.spawn("retention", SagaRetention::default().every(SECOND).batch_limit(LIMIT).run(ports.clone()));
        }),
        (Operation::PurgeSagas, |ports| {
            ports.spawn("retention", SagaRetention::default().every(SECOND).batch_limit(LIMIT).run(ports.clone()));
        }),
        (Operation::PurgeOperations, |ports| {
            let retention = OperationRetention::new(DAY * 2, DAY).every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(ports.clone()));
        }),
        (Operation::Begin, |ports| {
            let retention = ProcessRetention::new("process.games", DAY).every(SECOND).batch_limit(LIMIT);
            ports.spawn("retention", retention.run(ports.clone()));
        }),
    ];
    for (operation, start) in retentions {
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let hangs = move |called, number| if (called, number) == (operation, 1) { Fate::Hangs } else { Fate::Well };
            let (calls, ports) = Calls::before(&world.ports, hangs);
            let began = world.ports.clock.now();
            start(ports);
            world.pass(10 * SECOND).await;
            let again = calls.times(operation).get(1).copied().expect("it goes on");
            assert!(again.since(began) >= LIMIT && again.since(began) < LIMIT + 3 * SECOND, "{operation:?}");
            let said = |line: &String| line.contains("retention is tried again at its next turn");
            assert!(heard.lines().iter().any(said), "{:?}", heard.lines());
        });
    }
}

/// No limit is a limit of nothing.
#[test]
fn a_limit_of_no_time_is_refused() {
    let none = Duration::ZERO;
    let said = |checked: Result<(), InvalidSetting>| checked.expect_err("it can't work").to_string();
    for text in [
        said(RelayConfig::default().store_limit(none).check()),
        said(ConsumerConfig::new([SHOP]).store_limit(none).check()),
        said(SubscriberConfig::default().store_limit(none).check()),
        said(OrchestratorConfig::default().store_limit(none).check()),
    ] {
        assert!(text.contains("::store_limit is 0ns: no call of the store could ever succeed, so set it"), "{text}");
    }
    for text in [
        said(OutboxRetention::default().batch_limit(none).check()),
        said(InboxRetention::new(2 * SECOND, SECOND).expect("longer").batch_limit(none).check()),
        said(SagaRetention::default().batch_limit(none).check()),
        said(OperationRetention::new(2 * SECOND, SECOND).batch_limit(none).check()),
        said(ProcessRetention::new("process.games", SECOND).batch_limit(none).check()),
    ] {
        assert!(text.contains("::batch_limit is 0ns: no batch would ever be done in time, so set it"), "{text}");
    }
}
