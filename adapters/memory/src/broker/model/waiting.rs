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

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        task::Wake,
    };

    use super::*;

    const NOBODY: [usize; 0] = [];

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn waits(waiting: &mut Waiting, many: usize) -> Vec<(Ticket, Arc<Woken>)> {
        let wait = |_| {
            let (ticket, woken) = (waiting.join(), Arc::<Woken>::default());
            assert!(poll(waiting, ticket, &woken).is_pending());
            (ticket, woken)
        };
        (0..many).map(wait).collect()
    }

    fn poll(waiting: &mut Waiting, ticket: Ticket, by: &Arc<Woken>) -> Poll<()> {
        waiting.poll(ticket, &Context::from_waker(&Waker::from(Arc::clone(by))))
    }

    fn are_woken(waits: &[(Ticket, Arc<Woken>)]) -> Vec<usize> {
        (0..waits.len()).filter(|at| waits[*at].1.0.load(Ordering::SeqCst) > 0).collect()
    }

    #[test]
    fn those_are_woken_who_have_waited_longest_and_each_who_leaves_makes_one_more_look() {
        let mut waiting = Waiting::default();
        let waits = waits(&mut waiting, 12);
        // Gives up before anything has come.
        waiting.leave(waits[0].0, true);
        assert_eq!(are_woken(&waits), NOBODY);
        waiting.wake();
        assert_eq!(are_woken(&waits), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(poll(&mut waiting, waits[1].0, &waits[1].1).is_ready());
        assert!(poll(&mut waiting, waits[9].0, &waits[9].1).is_pending());
        waiting.leave(waits[1].0, false);
        assert_eq!(are_woken(&waits).len(), 8, "there is nothing to look for");
        waiting.leave(waits[2].0, true);
        assert_eq!(are_woken(&waits).last(), Some(&9));
        waiting.leave(waits[10].0, true);
        assert_eq!(are_woken(&waits).last(), Some(&11), "who has left is not asked");
    }

    #[test]
    fn who_came_after_all_were_woken_knows_what_there_is() {
        let mut waiting = Waiting::default();
        let first = waits(&mut waiting, 2);
        waiting.wake();
        assert_eq!(are_woken(&first), [0, 1]);
        let late = waits(&mut waiting, 1);
        waiting.leave(first[0].0, true);
        assert_eq!(are_woken(&late), NOBODY);
    }

    #[test]
    fn a_wait_that_moves_to_another_task_wakes_that_one() {
        let mut waiting = Waiting::default();
        let before = waits(&mut waiting, 1);
        let after = Arc::<Woken>::default();
        assert!(poll(&mut waiting, before[0].0, &after).is_pending());
        waiting.wake();
        assert_eq!(are_woken(&before), NOBODY);
        assert_eq!(after.0.load(Ordering::SeqCst), 1);
    }
}
