//! A message on which its handler panics stops nobody else.

use std::time::Duration;

use crate::support::{
    inbox::{Scripted, order},
    on_each_store,
    warnings::Warnings,
};

#[test]
fn one_message_on_which_the_handler_panics_dies_and_all_others_are_handled() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, message| {
            Box::pin(async {
                assert!(message.subject != "order-7", "there is no seventh order");
                Ok(())
            })
        });
        world.publish((1..=50).map(order)).await;
        let heard = Warnings::listen();
        world.ports.spawn("consumer", handler.consumer(&world.ports, |config| config).run());
        world.pass(Duration::from_secs(60)).await;
        assert_eq!((handler.subjects(), handler.runs("order-7"), world.unacknowledged()), (50, 5, 0));
        let letters = world.letters().await;
        assert_eq!(letters.len(), 1);
        assert_eq!((letters[0].message.id, letters[0].failures), (order(7).id, 5));
        assert_eq!(letters[0].reason, "panicked: there is no seventh order");
        let said = heard.lines();
        assert!(said.iter().any(|line| line.contains("dead letter") && line.contains("no seventh order")), "{said:?}");
        // The task lives: what comes later is handled too.
        world.publish([order(51)]).await;
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(handler.runs("order-51"), 1);
    });
}

#[test]
fn one_message_whose_handler_never_ends_dies_and_all_others_are_handled() {
    on_each_store(async |world| {
        let handler = Scripted::new(|_, message| {
            Box::pin(async {
                if message.subject == "order-7" {
                    std::future::pending::<()>().await;
                }
                Ok(())
            })
        });
        world.publish((1..=50).map(order)).await;
        let limit = Duration::from_secs(2);
        let consumer = handler.consumer(&world.ports, |config| config.handler_limit(limit));
        world.ports.spawn("consumer", consumer.run());
        world.pass(Duration::from_secs(60)).await;
        assert_eq!((handler.subjects(), handler.runs("order-7"), world.unacknowledged()), (50, 5, 0));
        let letters = world.letters().await;
        assert_eq!(letters[0].reason, "the handler was not done within 2s");
    });
}
