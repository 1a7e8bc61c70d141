//! Work that may fail and may be dropped.

use std::{future::pending, sync::Arc};

use futures_util::future::BoxFuture;
use seaworthy_core::{
    conformance::block_on,
    inbox::HandlerError,
    ports::{Cancelled, Ports, Spawner, StoreError},
    saga::SagaError,
};
use seaworthy_memory::store::MemoryStore;

use crate::ports::ports;

/// Drops every piece of work at its first wait.
struct Impatient;

impl Spawner for Impatient {
    fn spawn(&self, name: &'static str, _: BoxFuture<'static, ()>) {
        panic!("{name} is a task that nobody runs");
    }

    fn poll_scope(&self, poll: &mut dyn FnMut()) -> bool {
        poll();
        true
    }
}

#[test]
fn work_that_may_fail_has_one_error_for_its_failure_and_for_its_end() {
    let ports = ports(|clock| Arc::new(MemoryStore::new(clock)));
    let ports = Ports { spawner: Arc::new(Impatient), ..ports };
    let done = block_on(ports.try_scope(async { Ok::<_, StoreError>(7) }));
    assert_eq!(done, Ok(7));
    let conflict = || StoreError::Conflict("it was taken".into());
    assert_eq!(block_on(ports.try_scope(async { Err::<(), _>(conflict()) })), Err(conflict()));
    let dropped = StoreError::from(Cancelled);
    assert!(matches!(dropped, StoreError::Unknown(_)));
    assert_eq!(block_on(ports.try_scope(pending::<Result<(), StoreError>>())), Err(dropped.clone()));
    let handled = block_on(ports.try_scope(pending::<Result<(), HandlerError>>()));
    assert_eq!(handled, Err(HandlerError::Store(dropped.clone())));
    assert_eq!(block_on(ports.try_scope(pending::<Result<(), SagaError>>())), Err(SagaError::Store(dropped)));
}
