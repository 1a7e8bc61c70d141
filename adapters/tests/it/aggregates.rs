//! Changes of an aggregate that meet others: how often they are made anew, after which pauses, and when that ends.

use std::time::Duration;

use seaworthy_core::{
    aggregate::{AggregateError, Cause, UpdateError},
    ports::{FailureKind, Operation, StoreError},
};

use crate::support::{
    calls::{Calls, Fate, doubled},
    card_room::{player, players},
    on_each_store,
};

#[test]
fn an_update_that_others_are_always_before_is_tried_again_eight_times_with_ever_longer_pauses() {
    on_each_store(async |world| {
        world.furnish([player("ann", 100)], []).await;
        let conflicts = |operation, number| match operation {
            Operation::Commit if number <= 20 => Fate::Fails(FailureKind::Conflict),
            _ => Fate::Well,
        };
        let (calls, ports) = Calls::before(&world.ports, conflicts);
        let update = players(&ports);
        let update = update.update(&*ports.store, "ann", Cause::New, |player| {
            player.chips -= 1;
            Ok::<_, ()>(())
        });
        let ended = update.await;
        let is_conflict = matches!(&ended, Err(UpdateError::Aggregate(AggregateError::Store(StoreError::Conflict(_)))));
        assert!(is_conflict, "{ended:?}");
        let pauses: Vec<_> = doubled(Duration::from_millis(5), Duration::from_millis(200)).take(8).collect();
        assert_eq!(calls.pauses(Operation::Commit), pauses);
        assert_eq!(world.player("ann").await.chips, 100);
    });
}
