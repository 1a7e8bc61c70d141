//! Participants as closures: what is remembered of them, and for how long.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use seaworthy_core::{
    ids::OperationId,
    ports::{External, ExternalCall, ExternalError},
};
use seaworthy_tokio::LocalExternal;
use uuid::Uuid;

/// A service that gives the same answer each time, and how often it was asked.
fn answering(answer: Result<(), ExternalError>) -> (LocalExternal, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let external = LocalExternal::new().service("payments", move |call| {
        count.fetch_add(1, Ordering::Relaxed);
        let answer = answer.clone().map(|()| call.body);
        async move { answer }
    });
    (external, asked)
}

fn call(operation: u128) -> ExternalCall {
    ExternalCall {
        service: "payments".into(),
        operation: "charge".into(),
        operation_id: OperationId(Uuid::from_u128(operation)),
        body: "12.50".into(),
    }
}

#[tokio::test]
async fn a_refusal_is_remembered_as_an_answer_is_and_what_is_not_definitive_is_asked_for_again() {
    let refused = Err(ExternalError::Refused("no funds".into()));
    let down = Err(ExternalError::Unavailable("down".into()));
    for (answer, times) in [(Ok(()), 1), (refused, 1), (down, 3)] {
        let (external, asked) = answering(answer.clone());
        for _ in 0..3 {
            assert_eq!(external.call(&call(1)).await.map(drop), answer);
        }
        assert_eq!(asked.load(Ordering::Relaxed), times, "{answer:?}");
    }
}

#[tokio::test]
async fn only_so_many_operations_are_remembered_and_the_oldest_are_forgotten_first() {
    let (external, asked) = answering(Ok(()));
    let external = external.answers_max(2);
    let mut times = Vec::new();
    for operation in [1, 2, 3, 3, 2, 1] {
        external.call(&call(operation)).await.unwrap();
        times.push(asked.load(Ordering::Relaxed));
    }
    assert_eq!(times, [1, 2, 3, 3, 3, 4]);
}
