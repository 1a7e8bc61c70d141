use std::{
    collections::BTreeMap,
    task::{Context, Poll, Waker},
};

/// Names one wait of a member.
pub(in crate::broker) type Ticket = u64;

/// The waits of a group's members, in the order in which they began.
///
/// A message that comes wakes a few of those who wait, and not all: with a thousand idle members each message would cost a
/// thousand looks at the group otherwise. More than one, so that a member which is slow holds nothing up. Those that sleep on know
/// neither of the message nor of moments that were added since: of those that do know, one takes the message, and each that gives
/// up waiting makes the next one look.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// A waker is missing until the wait is first polled.
    waits: BTreeMap<Ticket, Option<Waker>>,
    last: Ticket,
    /// Somebody waits who was not woken by what came last.
    behind: bool,
}

/// Number of waits that one message ends.
const WOKEN_AT_ONCE: usize = 8;

impl Waiting {
    pub(super) fn join(&mut self) -> Ticket {
        self.last += 1;
        self.waits.insert(self.last, None);
        self.last
    }

    /// Something came, or a moment was added: wakes those who have waited longest.
    pub(super) fn wake(&mut self) {
        self.wake_up_to(WOKEN_AT_ONCE);
    }

    /// Returns `Ready` once the wait was ended.
    pub(super) fn poll(&mut self, ticket: Ticket, context: &Context<'_>) -> Poll<()> {
        let Some(waker) = self.waits.get_mut(&ticket) else { return Poll::Ready(()) };
        match waker {
            Some(known) if known.will_wake(context.waker()) => {}
            _ => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Somebody gives up waiting, whether woken or not. If there is something to take or to wait for, the next one looks that may not
    /// know of it.
    pub(super) fn leave(&mut self, ticket: Ticket, leaves_something: bool) {
        self.waits.remove(&ticket);
        self.behind &= !self.waits.is_empty();
        if self.behind && leaves_something {
            self.wake_up_to(1);
        }
    }

    fn wake_up_to(&mut self, most: usize) {
        for _ in 0..most {
            let Some((_, waker)) = self.waits.pop_first() else { break };
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        self.behind = !self.waits.is_empty();
    }
}
