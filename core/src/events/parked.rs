//! Events that were parked: taken up again in the order of their streams.

use std::{collections::BTreeMap, pin::pin};

use async_trait::async_trait;
use smol_str::{SmolStr, format_smolstr};
use tracing::{Instrument, info_span, warn};

use super::{
    Subscriber,
    place::{WAITS, waits_behind},
};
use crate::{
    cut::cut,
    ids::MessageId,
    inbox::{Failed, Judged, Redriven},
    message::Message,
    ports::{DeadLetter, DeadLetterRequest, GivenUp, InboxEntry, StoreError, TakesUp, scoped},
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
        let asked: Vec<MessageId> =
            self.store.dead_letters(letters).await?.iter().map(|letter| letter.message.id).collect();
        let mut redriven = Redriven::default();
        for (_, parked) in self.parked().await? {
            let mut before = None;
            for DeadLetter { message, .. } in &parked {
                match before {
                    _ if !asked.contains(&message.id) => {
                        before.get_or_insert(message.id);
                        continue;
                    }
                    Some(before) => {
                        redriven.failed.push((message.id, waits_behind(before).into()));
                        continue;
                    }
                    None => {}
                }
                match self.exhume_apart(message).await {
                    Ok(true) => redriven.handled.push(message.id),
                    // Another operator was first, or the subscriber itself.
                    Ok(false) => {}
                    Err(failed) => {
                        let why = self.limits().judge(failed)?.why;
                        warn!(subscriber = %self.name, message = %message.id, error = %why, "parked event failed again");
                        self.put_back(message, &why).await;
                        before = Some(message.id);
                        redriven.failed.push((message.id, why.into()));
                    }
                }
            }
        }
        Ok(redriven)
    }

    /// Parked events by their streams, in the order of each.
    async fn parked(&self) -> Result<BTreeMap<SmolStr, Vec<DeadLetter>>, StoreError> {
        let mut parked: BTreeMap<SmolStr, Vec<DeadLetter>> = BTreeMap::new();
        let mut request = self.letters(PAGE);
        loop {
            let page = self.store.dead_letters(&request).await?;
            let Some(last) = page.last() else { break };
            request = request.after(last.number);
            for letter in page {
                parked.entry(letter.message.partition_key.clone()).or_default().push(letter);
            }
        }
        parked.values_mut().for_each(|letters| letters.sort_unstable_by_key(|letter| letter.message.sequence));
        Ok(parked)
    }

    /// Handles events that wait behind none any more. Returns the streams of which something is still parked, with the last
    /// event of each that is.
    pub(super) async fn release(&self) -> Result<BTreeMap<SmolStr, MessageId>, StoreError> {
        let mut still = BTreeMap::new();
        for (stream, letters) in self.parked().await? {
            let Some(last) = letters.last().map(|letter| letter.message.id) else { continue };
            for letter in &letters {
                if !letter.reason.starts_with(WAITS) || !self.goes_on(letter).await? {
                    still.insert(stream, last);
                    break;
                }
            }
        }
        Ok(still)
    }

    /// Handles an event that has waited for its turn, and returns `true` unless it is still parked. It has as many failures
    /// as one that comes from the log.
    async fn goes_on(&self, letter: &DeadLetter) -> Result<bool, StoreError> {
        let message = &letter.message;
        let Err(failed) = self.exhume_apart(message).await else { return Ok(true) };
        if matches!(failed, Failed::Store(StoreError::Conflict(_) | StoreError::Unknown(_))) {
            // Done or not: the next look tells.
            return Ok(false);
        }
        let Judged { why, policy, .. } = self.limits().judge(failed)?;
        let failures = letter.failures.saturating_add(1);
        warn!(subscriber = %self.name, message = %message.id, failures, error = %why, "event that had waited failed");
        let is_last = failures >= policy.max_failures;
        let reason =
            if is_last { why } else { cut(format_smolstr!("{WAITS}its next attempt, after {failures}: {why}")) };
        self.put_back(message, &reason).await;
        Ok(false)
    }

    async fn exhume_apart(&self, message: &Message) -> Result<bool, Failed> {
        let span = info_span!("events.redrive", subscriber = %self.name, event = %message.id, kind = %message.kind);
        self.apart(self.exhume(message)).instrument(span).await
    }

    /// Takes an event out and handles it, in one transaction. Returns `false` if it is not parked any more.
    async fn exhume(&self, message: &Message) -> Result<bool, Failed> {
        let mut tx = self.store.begin().await.map_err(Failed::of_begin)?;
        if !tx.inbox_exhume(&self.letter_entry(message)).await? {
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
    async fn put_back(&self, message: &Message, why: &str) {
        let put = async {
            let entry = self.letter_entry(message);
            let mut tx = self.store.begin().await?;
            if tx.inbox_exhume(&entry).await? {
                tx.inbox_bury(&entry, message, why).await?;
                tx.commit().await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = put.await {
            warn!(subscriber = %self.name, message = %message.id, %error, "parked event stays as it is");
        }
    }

    fn letter_entry(&self, message: &Message) -> InboxEntry {
        InboxEntry { sequence: 0, ..InboxEntry::for_message(&self.name, message) }
    }
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
