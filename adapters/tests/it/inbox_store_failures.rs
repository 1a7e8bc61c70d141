//! What the store fails with for one message is that message's affair; what it fails with for all is nobody's fault.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::ports::{Expected, StoreError, Timestamp};

use crate::support::{
    gated::GatedStore,
    inbox::{Scripted, order},
    on_each_store,
    warnings::Warnings,
};

#[test]
fn a_message_that_conflicts_each_time_dies_and_is_said_to() {
    on_each_store(async |world| {
        // The name is taken, and will be for ever: no race, whatever the store calls it.
        let mut tx = world.ports.store.begin().await.expect("up");
        tx.put("names", "order-7", Expected::Absent, Bytes::from_static(b"another's")).await.expect("up");
        tx.commit().await.expect("up");
        let handler = Scripted::new(|tx, message| {
            Box::pin(async {
                tx.put("names", &message.subject, Expected::Absent, Bytes::from_static(b"mine")).await?;
                Ok(())
            })
        });
        world.publish((1..=50).map(order)).await;
        let heard = Warnings::listen();
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(Duration::from_secs(120)).await;
        // Ten failures, each of one attempt and three more on a fresh snapshot.
        assert_eq!((handler.subjects(), handler.runs("order-7"), world.unacknowledged()), (50, 40, 0));
        let letters = world.letters().await;
        assert_eq!((letters.len(), letters[0].message.id, letters[0].failures), (1, order(7).id, 10));
        assert!(letters[0].reason.contains("conflict"), "{}", letters[0].reason);
        let said = heard.lines();
        assert!(said.iter().any(|line| line.contains("dead letter") && line.contains("conflict")), "{said:?}");
    });
}

#[test]
fn a_message_that_finds_the_store_unavailable_each_time_stops_nobody_else_and_dies() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, message| {
            Box::pin(async {
                match message.subject.as_str() {
                    "order-7" => Err(StoreError::Unavailable("a second transaction found no connection".into()).into()),
                    _ => Ok(()),
                }
            })
        });
        world.publish((1..=200).map(order)).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(handler.subjects(), 200, "all others are handled at once");
        world.pass(Duration::from_secs(60)).await;
        assert_eq!((handler.runs("order-7"), world.unacknowledged()), (10, 0));
        assert!(world.letters().await[0].reason.contains("no connection"));
    });
}

/// Pauses between attempts, in milliseconds.
fn gaps(begun: &[Timestamp]) -> Vec<i64> {
    begun.windows(2).map(|pair| (pair[1].as_micros() - pair[0].as_micros()) / 1_000).collect()
}

#[test]
fn a_store_that_is_down_is_asked_once_a_pause_for_longer_and_longer_and_counts_against_nobody() {
    on_each_store(async |world| {
        // Down for a minute, up for one, and down again.
        let down = |now: Timestamp| (now.as_micros() / 60_000_000) % 2 == 0;
        let (gate, ports) = GatedStore::before(&world.ports, move |now| match down(now) {
            true => Err(StoreError::Unavailable("down".into())),
            false => Ok(()),
        });
        let handler = Scripted::new(|_, _| Box::pin(async { Ok(()) }));
        world.publish((1..=10).map(order)).await;
        world.ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
        world.pass(Duration::from_secs(61)).await;
        let first = gate.begun();
        let outage: Vec<Timestamp> = first.iter().copied().filter(|at| down(*at)).collect();
        // 50 ms, doubled up to 5 s, each give or take half: not ten times as often for ten messages.
        assert!((13..=25).contains(&outage.len()), "{:?}", gaps(&outage));
        assert!(gaps(&outage)[0] < 100 && gaps(&outage).last().is_some_and(|gap| *gap >= 2_500), "{:?}", gaps(&outage));
        world.pass(Duration::from_secs(29)).await;
        assert_eq!((handler.subjects(), world.unacknowledged()), (10, 0));

        // A pause is as short at the next outage as it was at the first.
        world.pass(Duration::from_secs(31)).await;
        let before = gate.begun().len();
        world.publish([order(11)]).await;
        world.pass(Duration::from_secs(5)).await;
        assert!(gaps(&gate.begun()[before..])[0] < 100, "{:?}", gaps(&gate.begun()[before..]));
        assert_eq!(world.letters().await.len(), 0);
    });
}

#[test]
fn a_store_that_goes_down_as_a_failure_is_to_be_counted_ends_the_batch() {
    on_each_store(async |world| {
        let mut asked = 0;
        let (gate, ports) = GatedStore::before(&world.ports, move |_| {
            asked += 1;
            // The second transaction would count the failure of the first message.
            if asked == 2 { Err(StoreError::Unavailable("down".into())) } else { Ok(()) }
        });
        let handler = Scripted::new(|_, message| {
            Box::pin(async { if message.subject == "order-1" { panic!("one") } else { Ok(()) } })
        });
        world.publish((1..=10).map(order)).await;
        world.ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
        world.pass(Duration::from_millis(10)).await;
        assert_eq!((gate.begun().len(), handler.subjects()), (2, 1), "nothing else was tried");
        world.pass(Duration::from_secs(10)).await;
        assert_eq!(handler.subjects(), 10);
    });
}
