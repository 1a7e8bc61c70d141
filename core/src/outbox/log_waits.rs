use std::{collections::BTreeMap, time::Duration};

use smol_str::SmolStr;

use crate::ports::{OutboxRow, RowId, Timestamp};

/// Rows that back off, in the memory of a relay that claims nothing: there are as many as fail.
#[derive(Default)]
pub(super) struct LogWaits(BTreeMap<RowId, Wait>);

struct Wait {
    until: Timestamp,
    key: SmolStr,
}

impl LogWaits {
    /// A row is not to be published for a while.
    pub(super) fn put_off(&mut self, row: RowId, key: SmolStr, now: Timestamp, delay: Duration) {
        self.0.insert(row, Wait { until: now + delay, key });
    }

    /// Forgets what has waited long enough.
    pub(super) fn wake(&mut self, now: Timestamp) {
        self.0.retain(|_, wait| wait.until > now);
    }

    /// Number of rows that wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keys of rows that wait.
    pub(super) fn keys(&self) -> Vec<SmolStr> {
        self.0.values().map(|wait| wait.key.clone()).collect()
    }

    /// Returns `true` if a row has waited long enough, or never had to.
    pub(super) fn lets_go(&self, row: &OutboxRow) -> bool {
        !self.0.contains_key(&row.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_waits_until_its_moment_and_no_longer() {
        let mut waits = LogWaits::default();
        waits.put_off(RowId(1), "order-1".into(), Timestamp::EPOCH, Duration::from_secs(2));
        for (millis, left) in [(1_999, 1), (2_000, 0)] {
            waits.wake(Timestamp::from_millis(millis));
            assert_eq!(waits.len(), left, "{millis}");
        }
    }
}
