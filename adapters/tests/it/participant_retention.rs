//! Operations of a participant do not stay for ever.

use std::time::Duration;

use seaworthy_core::{
    ids::OperationId,
    participant::{self, Execution, OperationRetention, Undoing},
};
use uuid::Uuid;

use crate::support::{World, on_each_store};

const DAY: Duration = Duration::from_secs(24 * 3_600);

fn operation(number: u128) -> OperationId {
    OperationId(Uuid::from_u128(number))
}

/// Returns `true` if the operation was carried out now.
async fn execute(world: &World, number: u128) -> bool {
    let mut tx = world.ports.store.begin().await.expect("up");
    let Execution::First(first) = participant::execute(&mut *tx, operation(number)).await.expect("up") else {
        return false;
    };
    first.record(&mut *tx, "done".into()).await.expect("up");
    tx.commit().await.expect("up");
    true
}

#[test]
fn operations_are_forgotten_after_a_while_and_tombstones_with_them() {
    on_each_store(async |world| {
        for number in 1..=20 {
            assert!(execute(world, number).await);
        }
        let mut tx = world.ports.store.begin().await.expect("up");
        assert_eq!(participant::compensate(&mut *tx, operation(99)).await.expect("up"), Undoing::NeverRan);
        tx.commit().await.expect("up");
        let retention = OperationRetention::new(DAY * 90, DAY * 30).batch(3).every(DAY);
        world.ports.spawn("retention", retention.run(world.ports.clone()));
        world.pass(DAY * 80).await;
        for number in 1..=20 {
            assert!(!execute(world, number).await, "a repetition");
        }
        assert!(!execute(world, 99).await, "too late");
        // One of them is undone: it is as young as that.
        let mut tx = world.ports.store.begin().await.expect("up");
        let undone = participant::compensate(&mut *tx, operation(7)).await.expect("up");
        assert_eq!(undone, Undoing::Undo("done".into()));
        tx.commit().await.expect("up");
        world.pass(DAY * 12).await;
        for number in 1..=20 {
            assert_eq!(execute(world, number).await, number != 7, "operation {number}");
        }
        assert!(execute(world, 99).await);
    });
}
