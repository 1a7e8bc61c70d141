use std::sync::atomic::{AtomicU32, Ordering};

/// Counts what an incarnation waits for, in rounds: a round is over when everything that was there at its beginning is
/// gone, whatever has come since.
///
/// A run keeps to one thread: plain loads and stores are enough, and cost nothing.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    round: AtomicU32,
    earlier: AtomicU32,
    recent: AtomicU32,
}

fn add(count: &AtomicU32, difference: i32) {
    count.store(count.load(Ordering::Relaxed).wrapping_add_signed(difference), Ordering::Relaxed);
}

impl Waits {
    /// One more; gives the round that it belongs to.
    pub(crate) fn begin(&self) -> u32 {
        add(&self.recent, 1);
        self.round.load(Ordering::Relaxed)
    }

    /// One that had begun in `round` is over.
    pub(crate) fn end(&self, round: u32) {
        let count = if round == self.round.load(Ordering::Relaxed) { &self.recent } else { &self.earlier };
        add(count, -1);
    }

    /// Returns `true` if nothing of what was there when the round began is left.
    pub(crate) fn round_is_over(&self) -> bool {
        self.earlier.load(Ordering::Relaxed) == 0
    }

    /// Returns `true` if there is nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.round_is_over() && self.recent.load(Ordering::Relaxed) == 0
    }

    /// Begins the next round.
    pub(crate) fn next_round(&self) {
        add(&self.earlier, self.recent.load(Ordering::Relaxed) as i32);
        self.recent.store(0, Ordering::Relaxed);
        add(&self.round, 1);
    }
}

/// While it lives, somebody waits.
pub(crate) struct Waiting<'a> {
    waits: &'a Waits,
    round: u32,
}

impl<'a> Waiting<'a> {
    pub(crate) fn new(waits: &'a Waits) -> Self {
        Self { waits, round: waits.begin() }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waits.end(self.round);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_over_when_all_that_was_there_is_gone_whatever_has_come_since() {
        let waits = Waits::default();
        let (one, two) = (Waiting::new(&waits), Waiting::new(&waits));
        waits.next_round();
        drop(one);
        let three = Waiting::new(&waits);
        assert!(!waits.round_is_over());
        drop(two);
        assert!(waits.round_is_over() && !waits.is_empty());
        waits.next_round();
        assert!(!waits.round_is_over());
        drop(three);
        assert!(waits.is_empty());
    }
}
