//! Handlers whose statement waits for what another transaction holds: that is no failure of their own, so more of it is put up with, and
//! no more than that.

use std::{future::pending, sync::Arc};

use seaworthy_core::{
    inbox::HandlerError,
    ports::{EventAppend, Expected, ExpectedVersion, Operation, Ports},
};

use super::SECOND;
use crate::support::{
    Kind, World,
    calls::{Calls, Fate},
    events::{append, event, journal, subscriber, writing},
    inbox::{Scripted, order},
    on, on_each_store,
};

/// Ports on whose store the first so many puts never return.
fn hanging(world: &World, puts: usize) -> Ports {
    let script = move |operation, number| {
        if operation == Operation::Put && number <= puts { Fate::Hangs } else { Fate::Well }
    };
    Calls::before(&world.ports, script).1
}

/// Writes the order's subject down.
fn writes() -> Scripted {
    Scripted::new(|tx, message| {
        Box::pin(async {
            tx.put("orders", &message.subject, Expected::Absent, "1".into()).await?;
            Ok(())
        })
    })
}

#[test]
fn a_message_whose_handler_waits_for_the_store_is_no_dead_letter_for_that() {
    on_each_store(async |world| {
        let ports = hanging(world, 9);
        let handler = writes();
        world.publish([order(1)]).await;
        ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
        world.pass(180 * SECOND).await;
        assert_eq!(world.letters().await, []);
        assert_eq!(
            (handler.runs("order-1"), world.unacknowledged()),
            (10, 0),
            "each waited for its limit, the last for nothing"
        );
    });
}

#[test]
fn a_message_whose_handler_waits_for_the_store_each_time_is_a_dead_letter_that_names_the_statement() {
    on_each_store(async |world| {
        let ports = hanging(world, usize::MAX);
        let handler = writes();
        world.publish([order(1)]).await;
        ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
        world.pass(400 * SECOND).await;
        let letters = world.letters().await;
        assert_eq!((letters.len(), letters[0].failures, handler.runs("order-1")), (1, 10, 10));
        let reason = letters[0].reason.as_str();
        assert_eq!(
            reason,
            "store unavailable: the store has not answered `put`: its transaction was not done within 10s"
        );

        // Redriven, it is told the same.
        let again = handler.consumer(&ports, |config| config);
        let redriven = again.redrive(&again.letters(1)).await.expect("a store that is up");
        assert_eq!(redriven.failed, [(letters[0].message.id, reason.to_owned())]);
    });
}

/// Who waits for something else of its own accord has as many attempts as ever, also behind statements that were answered, or that it
/// did not wait for to the end.
#[test]
fn a_message_whose_handler_waits_for_anything_else_is_a_dead_letter_after_five() {
    on_each_store(async |world| {
        let ports = hanging(world, usize::MAX);
        let handler = Scripted::new(|tx, message| {
            Box::pin(async {
                tx.get("orders", &message.subject).await?;
                let put = tx.put("orders", &message.subject, Expected::Absent, "1".into());
                assert!(futures_util::FutureExt::now_or_never(put).is_none(), "it hangs");
                pending::<Result<(), HandlerError>>().await
            })
        });
        world.publish([order(1)]).await;
        ports.spawn("consumer", handler.consumer(&ports, |config| config).run());
        world.pass(180 * SECOND).await;
        let letters = world.letters().await;
        assert_eq!((letters.len(), handler.runs("order-1")), (1, 5));
        assert_eq!(letters[0].reason.as_str(), "the handler was not done within 10s");
    });
}

#[test]
fn an_event_whose_handler_waits_for_the_store_is_not_parked_for_that() {
    on_each_store(async |world| {
        append(&**world.store(), "account-1", 1..=2).await;
        let ports = hanging(world, 8);
        let handler = writing("reader");
        ports.spawn("reader", subscriber(&ports, "reader", &handler, |config| config.batch(1)).run());
        world.pass(180 * SECOND).await;
        assert_eq!((journal(&**world.store(), "reader").await, world.parked("reader").await), (vec![1, 2], vec![]));
        assert_eq!(handler.runs("event-1"), 9);
    });
}

/// A replica that has appended to a stream and does not come to its commit for a minute and a half, as behind a connection that is half open.
#[test]
fn a_message_waits_for_a_stream_that_another_transaction_holds() {
    on(Kind::Memory, async |world| {
        append(&**world.store(), "account-1", 1..=1).await;
        let mut held = world.ports.store.begin().await.expect("a store that is up");
        let to_account = |number| EventAppend::new("account-1", ExpectedVersion::Any, vec![event(number)]);
        held.append_events(&to_account(2)).await.expect("a free stream");
        let clock = world.ports.clock.clone();
        world.ports.spawn("holder", async move {
            clock.sleep(90 * SECOND).await;
            held.commit().await.expect("it has the stream");
        });
        let to_account = Arc::new(to_account);
        let handler = Scripted::new(move |tx, _| {
            let append = to_account(3);
            Box::pin(async move {
                tx.append_events(&append).await?;
                Ok(())
            })
        });
        world.publish([order(1)]).await;
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(120 * SECOND).await;
        assert_eq!((world.letters().await, world.unacknowledged()), (vec![], 0));
        let stream = world.ports.store.begin().await.expect("up").read_stream("account-1", 0, 9).await.expect("up");
        let events: Vec<_> = stream.iter().map(|event| event.message.subject.as_str()).collect();
        assert_eq!(events, ["event-1", "event-2", "event-3"]);
    });
}
