//! The scope that is being polled: the piece of work that a cancellation drops, while its process lives on.

use std::cell::Cell;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Nobody would outlive what is polled but the process.
    None,
    Open,
    /// It is to be dropped.
    Struck,
}

thread_local! {
    // Scopes lie one in the other, and the ones further out are on the stack of those who poll them.
    static INNERMOST: Cell<Scope> = const { Cell::new(Scope::None) };
}

/// Returns `true` if there is a piece of work to drop that is not going to be dropped yet.
pub(crate) fn is_open() -> bool {
    INNERMOST.get() == Scope::Open
}

/// Has the innermost scope dropped as soon as its poll is over.
pub(crate) fn strike() {
    INNERMOST.set(Scope::Struck);
}

/// Polls a piece of work in a scope of its own, and returns `true` if it is to be dropped.
pub(crate) fn poll(poll: &mut dyn FnMut()) -> bool {
    let _outer = Outer(INNERMOST.replace(Scope::Open));
    poll();
    INNERMOST.get() == Scope::Struck
}

/// Puts the scope around back, after a poll that panicked, too.
struct Outer(Scope);

impl Drop for Outer {
    fn drop(&mut self) {
        INNERMOST.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strike_drops_the_innermost_scope_and_no_other() {
        assert!(!is_open());
        let outer = poll(&mut || {
            let inner = poll(&mut || {
                assert!(is_open());
                strike();
                assert!(!is_open());
            });
            assert!(inner && is_open());
        });
        assert!(!outer && !is_open());
    }

    #[test]
    fn what_is_struck_stays_so_whatever_scope_is_polled_in_it_afterwards() {
        let outer = poll(&mut || {
            strike();
            assert!(!poll(&mut || {}));
        });
        assert!(outer);
    }

    #[test]
    fn a_poll_that_panics_leaves_no_scope_behind() {
        let panicked = std::panic::catch_unwind(|| poll(&mut || std::panic::resume_unwind(Box::new("silent"))));
        assert!(panicked.is_err() && !is_open());
    }
}
