use std::collections::VecDeque;

/// Commits that open transactions look back to.
///
/// Snapshots are opened in commit order, so a queue of `(commit, how many)` is sorted by itself and the oldest one is
/// at its front.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    open: VecDeque<(u64, u32)>,
}

impl Snapshots {
    /// Opens a snapshot of commit `at`, which is not below any opened before.
    pub(super) fn open(&mut self, at: u64) {
        match self.open.back_mut() {
            Some((last, count)) if *last == at => *count += 1,
            _ => self.open.push_back((at, 1)),
        }
    }

    /// Closes one snapshot of commit `at`.
    pub(super) fn close(&mut self, at: u64) {
        if let Ok(found) = self.open.binary_search_by_key(&at, |(commit, _)| *commit) {
            self.open[found].1 -= 1;
        }
        while self.open.front().is_some_and(|(_, count)| *count == 0) {
            self.open.pop_front();
        }
    }

    /// The oldest commit that somebody still looks at.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.open.front().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_snapshot_is_the_one_that_was_opened_first_and_not_closed() {
        let mut snapshots = Snapshots::default();
        for at in [3, 3, 5, 9] {
            snapshots.open(at);
        }
        snapshots.close(5);
        assert_eq!(snapshots.oldest(), Some(3));
        snapshots.close(3);
        assert_eq!(snapshots.oldest(), Some(3), "one of two is still open");
        snapshots.close(3);
        assert_eq!(snapshots.oldest(), Some(9));
        snapshots.close(9);
        assert_eq!(snapshots.oldest(), None);
    }
}
