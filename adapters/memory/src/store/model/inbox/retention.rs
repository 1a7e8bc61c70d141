//! Retention of an inbox: it forgets by age.

use std::collections::hash_map::Entry;

use seaworthy_core::ports::{InboxEntry, InboxPurgeRequest, Timestamp};

use super::{Consumer, Inbox, Watermark};

impl Inbox {
    /// Forgets watermarks and then handled messages that are old enough, and raises the watermark of each of these past it. At last
    /// it forgets old counts of failures.
    pub(in crate::store::model) fn purge(
        &mut self,
        consumer: &str,
        request: &InboxPurgeRequest,
        now: Timestamp,
    ) -> u64 {
        let Some(&number) = self.numbers.get(consumer) else { return 0 };
        let forgotten = self.forget_watermarks(number, request, now);
        let Consumer { handled, raised, .. } = &mut self.consumers[number as usize];
        let latest = now.before(request.older_than);
        let mut purged = 0;
        while purged < request.limit
            && let Some(oldest) = handled.first_entry()
            && oldest.key().0 <= latest
        {
            let entry = oldest.remove();
            self.rows.remove(&(number, entry.message));
            purged += 1;
            // A message without a place says nothing of those before it.
            if entry.sequence == 0 {
                continue;
            }
            let InboxEntry { source, epoch, key, sequence, .. } = entry;
            let raised_at = match self.watermarks.entry((number, source.clone(), epoch, key.clone())) {
                Entry::Vacant(new) => new.insert(Watermark { sequence, raised_at: now }).raised_at,
                Entry::Occupied(mut mark) => {
                    let mark = mark.get_mut();
                    raised.remove(&(mark.raised_at, source.clone(), epoch, key.clone()));
                    mark.sequence = sequence.max(mark.sequence);
                    mark.raised_at = now.max(mark.raised_at);
                    mark.raised_at
                }
            };
            raised.insert((raised_at, source, epoch, key));
        }
        purged as u64 + forgotten + self.forget_failures(number, request, now)
    }

    fn forget_failures(&mut self, consumer: u32, request: &InboxPurgeRequest, now: Timestamp) -> u64 {
        let Some(older_than) = request.failures_older_than else { return 0 };
        let latest = now.before(older_than);
        let failed = &mut self.consumers[consumer as usize].failed;
        let mut forgotten = 0;
        while forgotten < request.limit && failed.first().is_some_and(|(last, _)| *last <= latest) {
            let Some((_, message)) = failed.pop_first() else { break };
            self.failures.remove(&(consumer, message));
            forgotten += 1;
        }
        forgotten as u64
    }

    fn forget_watermarks(&mut self, consumer: u32, request: &InboxPurgeRequest, now: Timestamp) -> u64 {
        let Some(older_than) = request.watermarks_older_than else { return 0 };
        let latest = now.before(older_than);
        let raised = &mut self.consumers[consumer as usize].raised;
        let mut forgotten = 0;
        while forgotten < request.limit && raised.first().is_some_and(|(raised_at, ..)| *raised_at <= latest) {
            let Some((_, source, epoch, key)) = raised.pop_first() else { break };
            self.watermarks.remove(&(consumer, source, epoch, key));
            forgotten += 1;
        }
        forgotten as u64
    }
}
