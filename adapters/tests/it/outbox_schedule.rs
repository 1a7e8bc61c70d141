//! Messages that are of use for a time only: not before a moment, and not after another one.

use std::time::Duration;

use async_trait::async_trait;
use seaworthy_core::{
    inbox::ConsumerConfig,
    inbox::HandlerError,
    message::{Message, MessageBuilder, Schedule},
    outbox::{LogRelay, Relay},
    ports::{DeadRowRequest, Ports, PublishError, Timestamp, connection},
};
use uuid::Uuid;

use crate::support::{
    Kind, World,
    inbox::{Scripted, order},
    messages::of_key,
    on, on_each_store,
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

fn at(second: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millis(second * 1_000))
}

/// Runs a relay of either kind.
fn relay(ports: &Ports, tails: bool) {
    match tails {
        true => ports.spawn("relay", LogRelay::new(ports, "relay").run()),
        false => ports.spawn("relay", Relay::new(ports).run()),
    }
}

/// The numbers of the messages that the broker has taken, each with the second at which it took it.
fn accepted(world: &World) -> Vec<(u64, i64)> {
    let number = |message: &Message| message.json().expect("a number");
    world.broker.accepted().iter().map(|(at, message)| (number(message), at.as_millis() / 1_000)).collect()
}

#[test]
fn a_message_goes_out_at_its_moment_and_holds_up_nobody_meanwhile() {
    for tails in [false, true] {
        on_each_store(async |world| {
            let reminder = Message {
                schedule: Schedule { not_before: at(3_600), expires: None },
                ..of_key("orders", "order-1", 2)
            };
            world.stage([of_key("orders", "order-1", 1), reminder.clone(), of_key("orders", "order-1", 3)]).await;
            relay(&world.ports, tails);
            world.pass(3_599 * SECOND).await;
            assert_eq!(accepted(world), [(1, 0), (3, 0)]);
            world.pass(11 * SECOND).await;
            let all = accepted(world);
            assert_eq!((all.len(), all[2].0), (3, 2));
            assert!((3_600..=3_605).contains(&all[2].1), "no earlier, and at most a poll later: {all:?}");
            let sent = world.broker.accepted().swap_remove(2).1;
            assert_eq!((sent.partition_key.as_str(), sent.schedule), ("order-1", reminder.schedule));
            assert_eq!(world.ports.store.backlog().await.expect("a store that is up").outbox_unsettled, 0);
        });
    }
}

#[test]
fn one_that_fails_at_its_moment_holds_up_nobody_either() {
    for tails in [false, true] {
        on_each_store(async |world| {
            let reminder =
                Message { schedule: Schedule { not_before: at(10), expires: None }, ..of_key("orders", "order-1", 2) };
            let id = reminder.id;
            world.broker.says(move |message, _| match message.id == id {
                true => Err(PublishError::Refused("too large".into())),
                false => Ok(()),
            });
            world.stage([reminder]).await;
            relay(&world.ports, tails);
            world.pass(20 * SECOND).await;
            let dead = world.ports.store.dead_rows(&DeadRowRequest::new(9)).await.expect("a store that is up");
            assert_eq!(dead.len(), 1);
            world.stage([of_key("orders", "order-1", 3)]).await;
            world.pass(5 * SECOND).await;
            assert_eq!(accepted(world).len(), 1, "the key goes on beside its dead reminder");
        });
    }
}

#[test]
fn a_message_that_has_expired_is_not_published_and_is_said_to() {
    for tails in [false, true] {
        on_each_store(async |world| {
            let quote =
                Message { schedule: Schedule { not_before: None, expires: at(60) }, ..of_key("orders", "order-1", 1) };
            let in_time = Message {
                schedule: Schedule { not_before: None, expires: at(6_000) },
                ..of_key("orders", "order-2", 2)
            };
            // Nothing can be published for two minutes.
            world.broker.says(|_, now| match now.as_millis() < 120_000 {
                true => Err(PublishError::Unavailable("down".into())),
                false => Ok(()),
            });
            let heard = Warnings::listen();
            world.stage([quote, of_key("orders", "order-1", 3), in_time]).await;
            relay(&world.ports, tails);
            world.pass(300 * SECOND).await;
            let mut numbers: Vec<u64> = accepted(world).into_iter().map(|(number, _)| number).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [2, 3], "its key goes on");
            let said = heard.lines();
            let named = said.iter().filter(|line| line.contains("expired and is not published")).count();
            assert_eq!(named, 1, "{said:?}");
            let backlog = world.ports.store.backlog().await.expect("a store that is up");
            assert_eq!((backlog.outbox_unsettled, backlog.outbox_dead), (0, 0));
        });
    }
}

#[test]
fn a_pass_counts_what_had_expired() {
    on_each_store(async |world| {
        let quote = Message { schedule: Schedule { not_before: None, expires: at(1) }, ..of_key("orders", "a", 1) };
        world.pass(2 * SECOND).await;
        world.stage([quote.clone(), of_key("orders", "b", 2)]).await;
        let report = Relay::new(&world.ports).pass().await.expect("a store that is up");
        assert_eq!((report.claimed, report.dispatched, report.expired), (2, 2, 1));
        world.stage([Message { id: seaworthy_core::ids::MessageId(Uuid::from_u128(9)), ..quote }]).await;
        let report = LogRelay::new(&world.ports, "log").pass().await.expect("a store that is up");
        assert_eq!((report.claimed, report.dispatched, report.expired), (1, 1, 1));
    });
}

#[test]
fn a_message_that_expires_on_its_way_is_dropped_with_a_warning_or_kept_as_a_dead_letter_where_that_is_asked_for() {
    for keeps in [false, true] {
        on_each_store(async |world| {
            let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
            let quote = Message { schedule: Schedule { not_before: None, expires: at(60) }, ..order(1) };
            let in_time = Message { schedule: Schedule { not_before: None, expires: at(6_000) }, ..order(2) };
            world.publish([quote, in_time, order(3)]).await;
            world.pass(61 * SECOND).await;
            let heard = Warnings::listen();
            let consumer = handler.consumer(&world.ports, |config| if keeps { config.bury_expired() } else { config });
            world.ports.spawn("consumer", consumer.run());
            world.pass(SECOND).await;
            assert_eq!((handler.runs("order-1"), handler.subjects(), world.unacknowledged()), (0, 2, 0));
            let reasons: Vec<_> = world.letters().await.into_iter().map(|letter| letter.reason).collect();
            let (letters, said): (&[&str], _) = if keeps { (&["expired"], "dead letter") } else { (&[], "is dropped") };
            assert_eq!(reasons, letters);
            assert_eq!(heard.lines().iter().filter(|line| line.contains(said)).count(), 1, "{:?}", heard.lines());
        });
    }
}

/// Its acknowledgement was lost, and when it comes again its time is over.
#[test]
fn a_message_that_was_handled_in_time_is_a_duplicate_when_it_comes_again_expired() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        let quote = Message { schedule: Schedule { not_before: None, expires: at(60) }, ..order(1) };
        world.ports.spawn("consumer", handler.consumer(&world.ports, ConsumerConfig::bury_expired).run());
        world.publish([quote.clone()]).await;
        world.pass(61 * SECOND).await;
        let heard = Warnings::listen();
        world.publish([quote]).await;
        world.pass(SECOND).await;
        assert_eq!((handler.runs("order-1"), world.unacknowledged(), world.letters().await.len()), (1, 0, 0));
        assert!(heard.lines().is_empty(), "{:?}", heard.lines());
    });
}

#[test]
fn a_reminder_that_comes_after_its_key_was_forgotten_is_no_duplicate() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        world.publish([Message { sequence: 9, ..order(9) }]).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(100 * SECOND).await;
        let sweep = seaworthy_core::ports::InboxPurgeRequest::new(10 * SECOND, 100);
        world.ports.store.purge_inbox("shop", &sweep).await.expect("a store that is up");
        // Staged before the other one, and published long after it.
        let late = Message { partition_key: "order-9".into(), sequence: 3, ..order(3) };
        let schedule = Schedule { not_before: at(90), expires: None };
        world.publish([Message { schedule, ..late }]).await;
        world.pass(SECOND).await;
        assert_eq!((handler.runs("order-3"), world.unacknowledged()), (1, 0));
    });
}

/// What a handler stages is a consequence of what it handles, said or not.
#[test]
fn a_message_that_a_handler_stages_names_its_cause_and_carries_its_correlation_and_trace() {
    struct Built;

    #[async_trait]
    impl seaworthy_core::inbox::Handler for Built {
        async fn handle(
            &self,
            tx: &mut dyn seaworthy_core::ports::Transaction,
            message: &Message,
        ) -> Result<(), HandlerError> {
            tokio::task::yield_now().await;
            let next = MessageBuilder::new("shipping", "shipment.created", message.subject.as_str());
            tx.stage(&next.derive(message.id.0, &["ship"], Timestamp::EPOCH)).await?;
            Ok(())
        }
    }

    for workers in [1, 8] {
        on_each_store(async |world| {
            let handlers = seaworthy_core::inbox::Handlers::builder().on("order.placed", Built).build().expect("one");
            let config = seaworthy_core::inbox::ConsumerConfig::new(["shop"]).workers(workers);
            let consumer = seaworthy_core::inbox::Consumer::new(&world.ports, "shop", handlers, config);
            world.ports.spawn("consumer", consumer.run());
            let trace = |number: u64| format!("00-{number:032x}-00f067aa0ba902b7-01");
            let sent: Vec<Message> = (1..=20)
                .map(|number| Message {
                    correlation_id: Uuid::from_u128(number.into()),
                    traceparent: Some(trace(number).into()),
                    ..order(number)
                })
                .collect();
            world.publish(sent.clone()).await;
            world.pass(SECOND).await;
            relay(&world.ports, false);
            world.pass(SECOND).await;
            let told = world.broker.accepted();
            for parent in sent {
                let child =
                    told.iter().map(|(_, message)| message).find(|message| message.causation_id == Some(parent.id));
                let child = child.expect("it was staged");
                assert_eq!((child.correlation_id, &child.traceparent), (parent.correlation_id, &parent.traceparent));
            }
        });
    }
}

#[test]
fn a_header_of_a_row_that_was_staged_before_there_were_moments_is_none() {
    on(Kind::Sqlite, async |world| {
        world.stage([of_key("orders", "order-1", 1)]).await;
        let mut tx = world.ports.store.begin().await.expect("up");
        let raw: &mut rusqlite::Connection = connection(&mut *tx).await.expect("sqlite");
        let changed =
            raw.execute(r#"UPDATE seaworthy_outbox SET headers = '{"notbefore":"noon","tenant":"north"}'"#, []);
        assert_eq!(changed, Ok(1));
        tx.commit().await.expect("up");
        relay(&world.ports, false);
        world.pass(SECOND).await;
        let sent = world.broker.accepted().swap_remove(0).1;
        assert_eq!((sent.headers.get("notbefore"), sent.headers.get("tenant")), (Some("noon"), Some("north")));
        assert_eq!(sent.schedule, Schedule::NONE);
    });
}
