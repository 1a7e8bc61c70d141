//! Events that were parked: taken up again in the order of their streams.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use smol_str::{SmolStr, ToSmolStr as _, format_smolstr};
use tracing::{Instrument, info, info_span, warn};

use super::{
    Subscriber,
    place::{Held, Reading, cant_be_read, only_waits, waits_behind, waits_for_next, was_unreadable},
};
use crate::{
    cut::cut,
    ids::MessageId,
    inbox::{Failed, HandlerError, Judged, NO_END, Redriven},
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, GivenUp, RecordedEvent, StoreError, TakesUp, answered, scoped},
};

/// Number of letters that are read at a time.
const PAGE: usize = 500;

impl Subscriber {
    /// Asks for events that this subscriber has parked: the oldest, `limit` of them at most.
    pub fn letters(&self, limit: usize) -> DeadLetterRequest {
        DeadLetterRequest::new(self.name.clone(), limit)
    }

    /// Handles parked events of this subscriber again: each is taken out and handled in one transaction, so it has had its
    /// effect or is still there. Takes those that are asked for, of each stream in order; one that waits behind another that
    /// is still parked stays where it is. One that fails again is kept with the new reason, and so are the later ones of its
    /// stream. What waits behind those that are handled goes on by itself, in the subscriber that [runs](Self::run).
    ///
    /// ```
    /// use seaworthy_core::{events::Subscriber, ports::StoreError};
    ///
    /// /// The handler is repaired.
    /// async fn take_up(balances: &Subscriber) -> Result<usize, StoreError> {
    ///     let parked = balances.letters(1_000).because("no such account");
    ///     Ok(balances.redrive(&parked).await?.handled.len())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] if what is parked can't be read, [`StoreError::Refused`] if letters of somebody else are asked for. An
    /// event that fails does not stop those of other streams.
    pub async fn redrive(&self, letters: &DeadLetterRequest) -> Result<Redriven, StoreError> {
        if letters.consumer != self.name {
            return Err(StoreError::Refused(format_smolstr!(
                "these are letters of {}, which {} can't handle: ask for them by `Subscriber::letters`",
                letters.consumer,
                self.name
            )));
        }
        let asked = answered(&*self.clock, self.config.store_limit, self.store.dead_letters(letters)).await?;
        let asked: BTreeSet<MessageId> = asked.iter().map(|letter| letter.message.id).collect();
        let mut redriven = Redriven::default();
        for parked in by_stream(self.parked(self.letters(PAGE)).await?).into_values() {
            let mut before = None;
            for letter in &parked {
                let message = &letter.message;
                match before {
                    _ if !asked.contains(&message.id) => {
                        before.get_or_insert(message.id);
                    }
                    Some(before) => redriven.failed.push((message.id, waits_behind(before).into())),
                    None => match self.handle_again(letter).await {
                        Ok(true) => redriven.handled.push(message.id),
                        // Another operator was first, or the subscriber itself.
                        Ok(false) => {}
                        Err(why) => {
                            before = Some(message.id);
                            redriven.failed.push((message.id, why.into()));
                        }
                    },
                }
            }
        }
        Ok(redriven)
    }

    /// Handles parked events of a stream again of which an operator has asked for it: the first, and those behind it for as
    /// long as each is handled. Each is asked for no more from before it is handled, which counts as a failure: one that fails
    /// again, or ends its process, waits for the next request.
    async fn heed_requests(&self, stream: SmolStr) -> Result<(), StoreError> {
        let parked = self.parked(self.letters(PAGE).of_key(stream.clone())).await?;
        for letter in by_stream(parked).remove(&stream).unwrap_or_default() {
            if letter.asked_at.is_none() || letter.unreadable.is_some() || self.stop.is_set() {
                break;
            }
            self.put_back(&letter.message, &letter.reason).await?;
            match self.handle_again(&letter).await {
                Ok(true) => {
                    info!(subscriber = %self.name, message = %letter.message.id, "parked event that was asked for is handled");
                }
                Ok(false) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Handles a parked event again, and keeps it with the new reason where it fails. Returns `false` if it is not parked any
    /// more. One that could not be read is read from the log again, where somebody may have mended it.
    async fn handle_again(&self, letter: &DeadLetter) -> Result<bool, SmolStr> {
        let message = &letter.message;
        if let Some(why) = &letter.unreadable {
            warn!(subscriber = %self.name, message = %message.id, error = %why, "parked event stays as it is: its letter can't be read");
            return Err(why.clone());
        }
        let mended = if was_unreadable(&letter.reason) { self.read_anew(message).await.map(Some) } else { Ok(None) };
        let handled = match &mended {
            Ok(mended) => self.exhume_apart(message, mended.as_ref().unwrap_or(message)).await,
            Err(why) => Err(HandlerError::Undecodable(why.clone()).into()),
        };
        let failed = match handled {
            Ok(handled) => return Ok(handled),
            Err(failed) => failed,
        };
        let why = match self.limits().judge(failed) {
            Ok(judged) => judged.why,
            Err(unreachable) => cut(unreachable.to_smolstr()),
        };
        warn!(subscriber = %self.name, message = %message.id, error = %why, "parked event failed again");
        if let Err(error) = self.put_back(message, &why).await {
            warn!(subscriber = %self.name, message = %message.id, %error, "parked event stays as it is");
        }
        Err(why)
    }

    /// Reads an event from the log, of which a letter holds what was known of it.
    async fn read_anew(&self, message: &Message) -> Result<Message, SmolStr> {
        let read = self.store.read_events(message.sequence.saturating_sub(1), 1);
        let page = answered(&*self.clock, self.config.store_limit, read)
            .await
            .map_err(|error| cant_be_read(&error.to_smolstr()))?;
        match page.into_iter().find(|event| event.position() == message.sequence) {
            Some(RecordedEvent { message, unreadable: None, .. }) => Ok(message),
            Some(RecordedEvent { unreadable: Some(why), .. }) => Err(cant_be_read(&why)),
            None => Err(cant_be_read("it is not there")),
        }
    }

    /// All parked events that are asked for, page by page.
    async fn parked(&self, mut request: DeadLetterRequest) -> Result<Vec<DeadLetter>, StoreError> {
        let mut parked = Vec::new();
        loop {
            let page = answered(&*self.clock, self.config.store_limit, self.store.dead_letters(&request)).await?;
            let Some(last) = page.last() else { break };
            request = request.after(last.number);
            parked.extend(page);
        }
        Ok(parked)
    }

    /// Handles events that wait behind none any more, and notes what is still parked. Once that is known, a look costs as much
    /// as there are streams of which something is, and not as much as is parked.
    pub(super) async fn release(&self, reading: &mut Reading) -> Result<(), StoreError> {
        let (mut still, due) = match reading.parked.take() {
            None => (BTreeMap::new(), by_stream(self.parked(self.letters(PAGE)).await?)),
            Some(mut parked) => {
                let firsts: Vec<MessageId> = parked.values().map(|held| held.first).collect();
                let firsts = self.letters(firsts.len()).only(firsts);
                let look = || answered(&*self.clock, self.config.store_limit, self.store.dead_letters(&firsts));
                let mut found = look().await?;
                // An operator's tool has no handlers, and leaves it to the subscriber. What is asked for and waits behind an event
                // that is not has its turn after that one.
                let asked = found.extract_if(.., |letter| letter.asked_at.is_some());
                let asked: Vec<_> = asked.map(|letter| letter.message.partition_key).collect();
                if !asked.is_empty() {
                    for stream in asked {
                        self.heed_requests(stream).await?;
                    }
                    found = look().await?;
                }
                let there = found.iter().map(|letter| letter.message.id).collect();
                let mut due = BTreeMap::new();
                for stream in reading.due(&mut parked, &there) {
                    due.extend(by_stream(self.parked(self.letters(PAGE).of_key(stream)).await?));
                }
                (parked, due)
            }
        };
        for (stream, letters) in due {
            let Some(last) = letters.last().map(|letter| letter.message.id) else { continue };
            for letter in &letters {
                // A release that has no handler leaves it to one that has.
                let has_handler = self.handlers.handler(&letter.message.kind).is_some();
                let goes_on = only_waits(&letter.reason) && letter.unreadable.is_none() && has_handler;
                let is_paused = reading.is_paused(&stream, letter.message.id);
                if !goes_on || is_paused || !self.goes_on(letter, &stream, reading).await? {
                    still.insert(stream, Held { first: letter.message.id, last, goes_on });
                    break;
                }
                reading.resume(&stream);
            }
        }
        reading.parked = Some(still);
        Ok(())
    }

    /// Handles an event that has waited for its turn, and returns `true` unless it is still parked. It has as many failures
    /// as one that comes from the log, with the same pauses between them.
    async fn goes_on(&self, letter: &DeadLetter, stream: &SmolStr, reading: &mut Reading) -> Result<bool, StoreError> {
        let message = &letter.message;
        let failures = letter.failures.saturating_add(1);
        // As the first event from the log: it may have ended the process before.
        let is_counted = !reading.has_begun;
        if is_counted {
            let is_last = failures > self.config.failures_max();
            let reason = if is_last { NO_END.into() } else { waits_for_next(failures, NO_END) };
            self.put_back(message, &reason).await?;
            if is_last {
                warn!(subscriber = %self.name, message = %message.id, failures, error = NO_END, "event that had waited is parked");
                return Ok(false);
            }
        }
        let mut retries = 0;
        let failed = loop {
            match self.exhume_apart(message, message).await {
                Ok(handled) => {
                    reading.has_begun |= handled;
                    return Ok(true);
                }
                // Done or not: the next try tells.
                Err(Failed::Store(StoreError::Conflict(_) | StoreError::Unknown(_)))
                    if retries < self.config.store_retries =>
                {
                    retries += 1;
                }
                Err(failed) => break failed,
            }
        };
        let Judged { why, policy, after } = self.limits().judge(failed)?;
        warn!(subscriber = %self.name, message = %message.id, failures, error = %why, "event that had waited failed");
        if failures >= policy.max_failures {
            self.put_back(message, &why).await?;
            return Ok(false);
        }
        if !is_counted {
            self.put_back(message, &cut(waits_for_next(failures, &why))).await?;
        }
        reading.pause(stream, message.id, after.unwrap_or_else(|| policy.backoff.delay(failures - 1, &*self.random)));
        Ok(false)
    }

    async fn exhume_apart(&self, buried: &Message, message: &Message) -> Result<bool, Failed> {
        let span = info_span!("events.redrive", subscriber = %self.name, event = %message.id, kind = %message.kind);
        let begun = AtomicBool::new(false);
        let exhume = self.timed(1, &begun, self.exhume(&begun, buried, message));
        self.apart(exhume).instrument(span).await
    }

    /// Takes an event out, as it was buried, and handles it, in one transaction. Returns `false` if it is not parked any more.
    async fn exhume(&self, begun: &AtomicBool, buried: &Message, message: &Message) -> Result<bool, Failed> {
        if self.handlers.handler(&message.kind).is_none() {
            let why = format_smolstr!("no handler for events of type {}", message.kind);
            return Err(HandlerError::Refused(why).into());
        }
        let mut tx = self.store.begin().await.map_err(Failed::of_begin)?;
        begun.store(true, Ordering::Relaxed);
        if !tx.inbox_exhume(&self.entry(buried)).await? {
            return Ok(false);
        }
        self.call(&mut *tx, message).await?;
        tx.commit().await?;
        if let Some(relay) = &self.hints {
            relay.hint();
        }
        Ok(true)
    }

    /// Keeps an event that has failed again, with one failure more and the new reason. Its place in its stream is its
    /// position, not that of its letter.
    async fn put_back(&self, message: &Message, why: &str) -> Result<(), StoreError> {
        let entry = self.entry(message);
        let work = async {
            let mut tx = self.store.begin().await?;
            if tx.inbox_exhume(&entry).await? {
                tx.inbox_bury(&entry, message, why).await?;
                tx.commit().await?;
            }
            Ok(())
        };
        answered(&*self.clock, self.config.store_limit, work).await
    }
}

/// Letters by their streams, in the order of each.
fn by_stream(letters: Vec<DeadLetter>) -> BTreeMap<SmolStr, Vec<DeadLetter>> {
    let mut streams: BTreeMap<SmolStr, Vec<DeadLetter>> = BTreeMap::new();
    for letter in letters {
        streams.entry(letter.message.partition_key.clone()).or_default().push(letter);
    }
    streams.values_mut().for_each(|letters| letters.sort_unstable_by_key(|letter| letter.message.sequence));
    streams
}

#[async_trait]
impl TakesUp for Subscriber {
    /// Redrives one of its parked events, if none before it in its stream is parked.
    async fn take_up(&self, what: &GivenUp) -> bool {
        let GivenUp::Message { consumer, message } = what else { return false };
        if *consumer != self.name {
            return false;
        }
        let letters = self.letters(1).only(vec![*message]);
        let redriven = scoped(self.scopes.as_deref(), pin!(self.redrive(&letters))).await;
        if let Err(error) = redriven.unwrap_or_else(|dropped| Err(dropped.into())) {
            warn!(%consumer, %message, %error, "parked event stays where it is: what is parked can't be read");
        }
        true
    }
}
