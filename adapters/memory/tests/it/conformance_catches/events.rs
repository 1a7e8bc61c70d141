//! What the bugs of a store make of events.

use bytes::Bytes;
use seaworthy_core::{
    ids::MessageId,
    ports::{Appended, EventAppend, ExpectedVersion, RecordedEvent, StoreError, StreamSnapshot, Transaction},
};

use super::store::{Broken, Bug};

impl Broken {
    pub(super) async fn append_events(
        &self,
        tx: &mut dyn Transaction,
        append: &EventAppend,
    ) -> Result<Appended, StoreError> {
        let mut append = append.clone();
        self.notes().streams.insert(append.stream.clone());
        match self.bug {
            Bug::AppendsAtAnyVersion => append.expected = ExpectedVersion::Any,
            Bug::AppendsApart => {
                let mut own = self.inner.begin().await?;
                let appended = own.append_events(&append).await?;
                own.commit().await?;
                return Ok(appended);
            }
            Bug::ChangesEvents => {
                let known = self.committed_events().await?;
                let is_known = |id: MessageId| known.iter().any(|event| event.message.id == id);
                let (again, new) = append.events.into_iter().partition(|event| is_known(event.id));
                append.events = new;
                self.notes().changed.extend(Vec::into_iter(again).map(|event| (event.id, event.data)));
            }
            _ => {}
        }
        tx.append_events(&append).await
    }

    /// Events of all streams that are committed, whatever is still open, in the order of their positions.
    async fn committed_events(&self) -> Result<Vec<RecordedEvent>, StoreError> {
        let streams: Vec<_> = self.notes().streams.iter().cloned().collect();
        let (mut tx, mut found) = (self.inner.begin().await?, Vec::new());
        for stream in streams {
            found.extend(tx.read_stream(&stream, 0, usize::MAX).await?);
        }
        found.sort_by_key(RecordedEvent::position);
        Ok(found)
    }

    pub(super) async fn log_of_events(&self, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut found = match self.bug {
            Bug::ShowsWhatMayHavePredecessors => {
                let all = self.committed_events().await?.into_iter();
                all.filter(|event| event.position() > after).take(limit).collect()
            }
            Bug::SkipsAnEventOfThePage => self.inner.read_events(after + 1, limit).await?,
            _ => self.inner.read_events(after, limit).await?,
        };
        self.show(&mut found);
        Ok(found)
    }

    /// Events as the bug shows them.
    pub(super) fn show(&self, events: &mut [RecordedEvent]) {
        for event in events {
            let changed = self.notes().changed.get(&event.message.id).cloned();
            event.message.data = changed.unwrap_or_else(|| event.message.data.clone());
            match self.bug {
                Bug::LeavesVersionsOut if event.version > 2 => event.version += 1,
                Bug::ForgetsStreams => event.message.partition_key = event.message.subject.clone(),
                _ => {}
            }
        }
    }

    pub(super) async fn put_stream_snapshot(
        &self,
        tx: &mut dyn Transaction,
        stream: &str,
        version: u64,
        state: Bytes,
    ) -> Result<bool, StoreError> {
        if self.has(Bug::KeepsTheLastSnapshot) {
            self.notes().snapshots.insert(stream.into(), StreamSnapshot { version, state });
            return Ok(true);
        }
        match tx.put_stream_snapshot(stream, version, state).await {
            Err(StoreError::Refused(_)) if self.has(Bug::KeepsSnapshotsAhead) => Ok(true),
            answer => answer,
        }
    }

    pub(super) async fn stream_snapshot(
        &self,
        tx: &mut dyn Transaction,
        stream: &str,
    ) -> Result<Option<StreamSnapshot>, StoreError> {
        match self.bug {
            Bug::KeepsTheLastSnapshot => Ok(self.notes().snapshots.get(stream).cloned()),
            _ => tx.stream_snapshot(stream).await,
        }
    }
}
