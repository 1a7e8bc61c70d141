use std::sync::atomic::{AtomicBool, Ordering};

use tracing::{Instrument, debug, info_span, warn};

use super::{
    Subscriber, WhenParked,
    failure::After,
    place::{Reading, cant_be_read, waits_behind},
};
use crate::{
    cut::cut,
    inbox::{Failed, HandlerError},
    message::Message,
    ports::{InboxEntry, RecordedEvent, StoreError, answered},
};

/// Outcome of handling some events.
pub(super) enum Handled {
    /// The checkpoint has moved past them.
    Moved,
    /// It was elsewhere: another replica was faster, or an unknown commit was one after all.
    Elsewhere,
    /// Nothing of them has had an effect.
    Failed(Failed),
}

impl Subscriber {
    /// Reads a page of the log and handles it. Returns `true` if there may be more.
    pub(super) async fn pass(&self, reading: &mut Reading) -> Result<bool, StoreError> {
        let mut position = match reading.position {
            Some(position) => position,
            None => {
                let position = answered(&*self.clock, self.config.store_limit, self.position()).await?;
                self.settle_failed(reading, position).await?;
                reading.position = Some(position);
                // Until the first event is through, a killer may be among the first batch.
                if !reading.has_begun {
                    reading.singly = self.config.batch;
                }
                position
            }
        };
        let read = self.store.read_events(position, self.config.page);
        let page = answered(&*self.clock, self.config.store_limit, read).await?;
        // Somebody may have taken out what is parked. To look for that costs as much as there is of it, so it is left for when
        // nothing else is to be done, or the subscriber stands still.
        let looks = page.is_empty() || self.is_blocked(reading);
        if reading.parked.as_ref().is_none_or(|parked| looks && !parked.is_empty()) {
            self.release(reading).await?;
        }
        let mut rest = &page[..];
        while !rest.is_empty() {
            if self.stop.is_set() || self.is_blocked(reading) {
                return Ok(false);
            }
            let (now, later) = rest.split_at(self.size(rest, reading));
            let has_effect = self.has_effect(&now[0], reading);
            // Alone, so that what ends the process is known the next time.
            if has_effect && !reading.has_begun && reading.counted.is_none() {
                match self.begun(&now[0], position).await? {
                    Some(failures) => {
                        reading.counted = Some(failures);
                        reading.failed = Some((now[0].position(), self.entry(&now[0].message)));
                    }
                    None => {
                        reading.read_again();
                        return Ok(true);
                    }
                }
            }
            match self.handle(now, position, reading).await {
                Handled::Moved => {
                    position = now.last().map_or(position, RecordedEvent::position);
                    reading.moved(position, now.len(), has_effect);
                    rest = later;
                }
                Handled::Elsewhere => {
                    debug!(subscriber = %self.name, position, "the checkpoint is elsewhere");
                    reading.read_again();
                    return Ok(false);
                }
                Handled::Failed(_) if now.len() > 1 => reading.singly = now.len(),
                Handled::Failed(failed) => match self.failed(&now[0], position, failed, reading).await? {
                    After::Again(delay) => {
                        if !self.rest(delay).await {
                            return Ok(false);
                        }
                    }
                    After::Parked => {
                        position = now[0].position();
                        reading.moved(position, 1, true);
                        rest = later;
                    }
                    After::Elsewhere => {
                        reading.read_again();
                        return Ok(false);
                    }
                },
            }
        }
        Ok(!page.is_empty())
    }

    /// Notes an event as done whose failures this process has counted, once another replica has moved the checkpoint past it:
    /// that one did not know of a row, which would stay for ever as one of a message that may come again.
    async fn settle_failed(&self, reading: &mut Reading, position: u64) -> Result<(), StoreError> {
        let Some((_, entry)) = reading.failed.take_if(|(failed, _)| *failed <= position) else { return Ok(()) };
        let note = async {
            let mut tx = self.store.begin().await?;
            // One that was parked is seen as well, and stays what it is.
            tx.inbox_insert(&entry).await?;
            tx.commit().await
        };
        if let Err(error) = answered(&*self.clock, self.config.store_limit, note).await {
            reading.failed = Some((position, entry));
            return Err(error);
        }
        Ok(())
    }

    /// Returns `true` if what is parked keeps the subscriber from going on.
    fn is_blocked(&self, reading: &Reading) -> bool {
        self.config.when_parked == WhenParked::BlockSubscriber
            && reading.parked.as_ref().is_some_and(|parked| !parked.is_empty())
    }

    /// Returns `true` if an event is handled now: it is not passed over, and waits for none before it.
    fn has_effect(&self, event: &RecordedEvent, reading: &Reading) -> bool {
        let waits = reading.parked.as_ref().is_some_and(|parked| parked.contains_key(event.stream()));
        !waits && self.concerns(event)
    }

    /// Returns `true` if an event has a handler; also if nobody can say whether it has, since its type can't be read.
    fn concerns(&self, event: &RecordedEvent) -> bool {
        let kind = &event.message.kind;
        let is_lost = || kind.is_empty() || kind.contains(char::REPLACEMENT_CHARACTER);
        self.handlers.handler(kind).is_some() || (event.unreadable.is_some() && is_lost())
    }

    /// Returns the number of events that one transaction takes: so many with an effect, and what lies between them.
    fn size(&self, events: &[RecordedEvent], reading: &Reading) -> usize {
        let batch = if reading.singly > 0 { 1 } else { self.config.batch };
        let mut effects = events.iter().enumerate().filter(|(_, event)| self.concerns(event));
        // Up to the one that is too much; a single one begins what is counted for it.
        match (effects.next(), batch) {
            (Some((first, _)), 1) if first > 0 => first,
            (Some(_), batch) => effects.nth(batch - 1).map_or(events.len(), |(at, _)| at),
            (None, _) => events.len(),
        }
    }

    /// Handles events in one transaction, which moves the checkpoint past them.
    async fn handle(&self, events: &[RecordedEvent], from: u64, reading: &Reading) -> Handled {
        let (first, last) = (&events[0], &events[events.len() - 1]);
        let span = info_span!(
            "events.handle",
            subscriber = %self.name,
            event = %first.message.id,
            events = events.len(),
            position = last.position(),
        );
        let begun = AtomicBool::new(false);
        let attempt = self.timed(events.len(), &begun, self.attempt(&begun, events, from, reading));
        let attempt = self.apart(attempt).instrument(span).await;
        attempt.unwrap_or_else(Handled::Failed)
    }

    /// Makes an attempt at events: all of their effects, and the checkpoint.
    async fn attempt(
        &self,
        begun: &AtomicBool,
        events: &[RecordedEvent],
        from: u64,
        reading: &Reading,
    ) -> Result<Handled, Failed> {
        let mut tx = self.store.begin().await.map_err(Failed::of_begin)?;
        begun.store(true, Ordering::Relaxed);
        if tx.checkpoint(&self.name).await?.unwrap_or(0) != from {
            return Ok(Handled::Elsewhere);
        }
        let (mut position, mut waiting) = (from, Vec::new());
        for event in events {
            position = event.position();
            if !self.concerns(event) {
                continue;
            }
            let entry = self.entry(&event.message);
            if let Some(held) = reading.parked.as_ref().and_then(|parked| parked.get(event.stream())) {
                // One that nobody can read is parked for that: its turn does not make it any more readable.
                let unread = event.unreadable.as_ref().map(|why| cut(cant_be_read(why)));
                let reason = unread.unwrap_or_else(|| waits_behind(held.last));
                tx.inbox_bury(&entry, &event.message, &reason).await?;
                waiting.push((event, held.last));
                continue;
            }
            if let Some(why) = &event.unreadable {
                return Err(HandlerError::Undecodable(cant_be_read(why)).into());
            }
            // Only what has failed has a row, which is to say that it is handled now.
            if reading.failed.as_ref().is_some_and(|(failed, _)| *failed == event.position()) {
                tx.inbox_insert(&entry).await?;
            }
            self.call(&mut *tx, &event.message).await?;
        }
        tx.set_checkpoint(&self.name, position).await?;
        tx.commit().await?;
        for (event, before) in waiting {
            let Self { name, .. } = self;
            warn!(subscriber = %name, message = %event.message.id, stream = %event.stream(), %before, "event is parked: it waits behind one that is");
        }
        if let Some(relay) = &self.hints {
            relay.hint();
        }
        Ok(Handled::Moved)
    }

    /// The row by which failures of an event are counted. No watermark goes by it: the checkpoint says what was handled.
    pub(super) fn entry(&self, event: &Message) -> InboxEntry {
        InboxEntry { sequence: 0, ..InboxEntry::for_message(&self.name, event) }
    }
}
