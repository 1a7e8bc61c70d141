//! The message that is being handled, for those that are built meanwhile.

use std::{cell::RefCell, future::poll_fn, pin::Pin};

use smol_str::SmolStr;
use uuid::Uuid;

use super::Message;
use crate::ids::MessageId;

/// Parts of a message that its consequences take over.
#[derive(Clone, Debug)]
pub(crate) struct Causation {
    pub(super) message: MessageId,
    pub(super) correlation_id: Uuid,
    pub(super) traceparent: Option<SmolStr>,
}

thread_local! {
    /// Cause of whatever is built on this thread right now. It is there for the length of a poll, so a task that was
    /// spawned meanwhile has none.
    static CURRENT: RefCell<Option<Causation>> = const { RefCell::new(None) };
}

impl Causation {
    pub(crate) fn from_message(message: &Message) -> Self {
        let Message { id, correlation_id, traceparent, .. } = message;
        Self { message: *id, correlation_id: *correlation_id, traceparent: traceparent.clone() }
    }

    /// Runs `work`; the messages that are built in it are consequences of this cause, unless they name another one.
    pub(crate) async fn within<T>(self, mut work: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> T {
        let mut cause = Some(self);
        poll_fn(|cx| {
            let _current = Current::set(&mut cause);
            work.as_mut().poll(cx)
        })
        .await
    }

    /// Looks at the current cause, if there is one.
    pub(super) fn current(look: impl FnOnce(&Self)) {
        CURRENT.with_borrow(|current| {
            if let Some(cause) = current {
                look(cause);
            }
        });
    }
}

/// A cause that is current, until this is dropped, also by a panic.
struct Current<'a>(&'a mut Option<Causation>);

impl<'a> Current<'a> {
    fn set(cause: &'a mut Option<Causation>) -> Self {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, cause));
        Self(cause)
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
    }
}
