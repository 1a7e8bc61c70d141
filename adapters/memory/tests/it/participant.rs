//! The participant's promises: once, never after its own compensation, and null compensation leaves a tombstone.

use bytes::Bytes;
use seaworthy_core::{
    conformance::block_on,
    ids::OperationId,
    participant::{self, Execution, Undoing},
    ports::{Store, StoreError},
};
use seaworthy_memory::{ManualClock, store::MemoryStore};

const OPERATION: OperationId = OperationId(uuid::Uuid::from_u128(7));

fn store() -> MemoryStore {
    // Participants read no clock; the store wants one.
    let clock = ManualClock::new();
    clock.advance(std::time::Duration::from_secs(1));
    MemoryStore::new(clock)
}

async fn execute(store: &MemoryStore) -> Result<Execution, StoreError> {
    let mut tx = store.begin().await?;
    match participant::execute(&mut *tx, OPERATION).await? {
        Execution::First(operation) => {
            operation.record(&mut *tx, "first answer".into()).await?;
            tx.commit().await?;
            Ok(Execution::Repeated(Bytes::new()))
        }
        known => Ok(known),
    }
}

async fn compensate(store: &MemoryStore) -> Result<Undoing, StoreError> {
    let mut tx = store.begin().await?;
    let undoing = participant::compensate(&mut *tx, OPERATION).await?;
    tx.commit().await?;
    Ok(undoing)
}

#[test]
fn an_operation_that_is_asked_for_twice_is_carried_out_once_and_answers_the_same() {
    block_on(async {
        let store = store();
        execute(&store).await.unwrap();
        let again = execute(&store).await.unwrap();
        assert!(matches!(again, Execution::Repeated(answer) if answer == "first answer"));
    });
}

#[test]
fn compensating_gives_the_answer_back_once() {
    block_on(async {
        let store = store();
        execute(&store).await.unwrap();
        assert_eq!(compensate(&store).await, Ok(Undoing::Undo("first answer".into())));
        assert_eq!(compensate(&store).await, Ok(Undoing::Repeated));
        assert!(matches!(execute(&store).await, Ok(Execution::TooLate)));
    });
}

#[test]
fn an_operation_that_comes_after_its_own_compensation_is_refused() {
    block_on(async {
        let store = store();
        assert_eq!(compensate(&store).await, Ok(Undoing::NeverRan));
        assert!(matches!(execute(&store).await, Ok(Execution::TooLate)));
        assert_eq!(compensate(&store).await, Ok(Undoing::Repeated));
    });
}

#[test]
fn of_an_operation_and_its_compensation_at_the_same_time_one_gets_a_conflict() {
    block_on(async {
        let store = store();
        let mut acting = store.begin().await.unwrap();
        let mut undoing = store.begin().await.unwrap();
        let Ok(Execution::First(operation)) = participant::execute(&mut *acting, OPERATION).await else {
            panic!("it is new");
        };
        assert_eq!(participant::compensate(&mut *undoing, OPERATION).await, Ok(Undoing::NeverRan));
        undoing.commit().await.unwrap();
        let late = match operation.record(&mut *acting, Bytes::new()).await {
            Ok(()) => acting.commit().await,
            Err(error) => Err(error),
        };
        assert!(matches!(late, Err(StoreError::Conflict(_))), "{late:?}");
    });
}

#[test]
fn a_refused_operation_stays_refused_and_one_that_ran_can_not_be_refused() {
    block_on(async {
        let store = store();
        let mut tx = store.begin().await.unwrap();
        assert_eq!(participant::refuse(&mut *tx, OPERATION).await, Ok(true));
        tx.commit().await.unwrap();
        assert!(matches!(execute(&store).await, Ok(Execution::TooLate)));

        let store = self::store();
        execute(&store).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        assert_eq!(participant::refuse(&mut *tx, OPERATION).await, Ok(false));
    });
}
