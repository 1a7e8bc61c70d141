use std::{
    collections::BTreeSet,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Delivery, DeliveryTag, Timestamp},
};
use smol_str::SmolStr;

use super::{
    MemberNumber, Received,
    queue::{Position, Queue, size},
    waiting::{Ticket, Waiting},
};
use crate::{broker::BrokerConfig, lookup::Lookup};

/// One consumer group.
///
/// The first message of each key is ready, out at a member, or waits to be delivered again; the others of its key wait
/// behind it.
#[derive(Debug)]
pub(super) struct Group {
    name: SmolStr,
    queue: Queue,
    ready: BTreeSet<Position>,
    out: Lookup<DeliveryTag, Out>,
    /// The ends of visibility timeouts and of delays after a nack.
    due: BTreeSet<(Timestamp, Position, Option<DeliveryTag>)>,
    waiting: Waiting,
}

#[derive(Debug)]
struct Out {
    position: Position,
    member: MemberNumber,
    until: Timestamp,
}

impl Group {
    pub(super) fn new(name: SmolStr) -> Self {
        Self {
            name,
            queue: Queue::default(),
            ready: BTreeSet::new(),
            out: Lookup::default(),
            due: BTreeSet::new(),
            waiting: Waiting::default(),
        }
    }

    pub(super) fn name(&self) -> &SmolStr {
        &self.name
    }

    /// Messages that are not acknowledged.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Returns `true` if it has room for a message beside those that it has.
    pub(super) fn has_room(&self, message: &Message, config: &BrokerConfig) -> bool {
        let fits = self.queue.bytes() + size(message) <= config.unacknowledged_bytes_max;
        // A message that is larger than all that is allowed passes where there is nothing else.
        self.len() < config.unacknowledged_max && (fits || self.len() == 0)
    }

    /// Size of the messages that are not acknowledged, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = MessageId> {
        self.queue.iter().map(|copy| copy.message.id)
    }

    pub(super) fn accept(&mut self, message: Arc<Message>) {
        if let (position, true) = self.queue.push(message) {
            self.offer(position);
        }
    }

    pub(super) fn duplicate(&mut self, id: MessageId) -> bool {
        let found = self.queue.iter().rev().find(|copy| copy.message.id == id).map(|copy| Arc::clone(&copy.message));
        found.map(|message| self.accept(message)).is_some()
    }

    pub(super) fn receive(
        &mut self,
        member: MemberNumber,
        max: usize,
        now: Timestamp,
        until: Timestamp,
        last_tag: &mut u64,
    ) -> Received {
        self.wake(now);
        // Room for these and no more: deliveries are large, and mostly there is one.
        let mut deliveries = Vec::with_capacity(self.ready.len().min(max.max(1)));
        while deliveries.len() < max.max(1)
            && let Some(position) = self.ready.pop_first()
        {
            let Some(copy) = self.queue.get_mut(position) else { continue };
            *last_tag += 1;
            let tag = DeliveryTag(*last_tag);
            deliveries.push(Delivery { tag, redeliveries: copy.deliveries, message: Message::clone(&copy.message) });
            copy.deliveries += 1;
            self.out.insert(tag, Out { position, member, until });
            self.due.insert((until, position, Some(tag)));
        }
        if deliveries.is_empty() {
            return Received::Wait(self.waiting.join(), self.due.first().map(|(at, ..)| *at));
        }
        Received::Some(deliveries)
    }

    /// Frees a message and lets the next one of its key go. A delivery that timed out is not this member's any more.
    pub(super) fn ack(&mut self, tag: DeliveryTag, now: Timestamp) {
        self.wake(now);
        if let Some(position) = self.take_back(tag)
            && let Some(next) = self.queue.remove(position)
        {
            self.offer(next);
        }
    }

    pub(super) fn nack(&mut self, tag: DeliveryTag, delay: Duration, now: Timestamp) {
        self.wake(now);
        let Some(position) = self.take_back(tag) else { return };
        if delay.is_zero() {
            self.offer(position);
        } else {
            self.due.insert((now + delay, position, None));
            // Whoever waits may have to wake up earlier than it thought.
            self.waiting.wake();
        }
    }

    /// Keeps a delivery for at least `by` from now. Returns `false` if it timed out or was settled.
    pub(super) fn extend(&mut self, tag: DeliveryTag, by: Duration, now: Timestamp) -> bool {
        self.wake(now);
        let Some(out) = self.out.get_mut(&tag) else { return false };
        let (position, until) = (out.position, out.until);
        out.until = until.max(now + by);
        let later = (out.until, position, Some(tag));
        self.due.remove(&(until, position, Some(tag)));
        self.due.insert(later);
        true
    }

    pub(super) fn give_back(&mut self, member: MemberNumber) {
        let of_member = |tag: &DeliveryTag| self.out.get(tag).is_some_and(|out| out.member == member);
        let tags: Vec<DeliveryTag> = self.due.iter().filter_map(|(.., tag)| *tag).filter(of_member).collect();
        for tag in tags {
            if let Some(position) = self.take_back(tag) {
                self.offer(position);
            }
        }
    }

    fn take_back(&mut self, tag: DeliveryTag) -> Option<Position> {
        let Out { position, until, .. } = self.out.remove(&tag)?;
        self.due.remove(&(until, position, Some(tag)));
        Some(position)
    }

    /// Returns `Ready` once a member that waits should ask again.
    pub(super) fn poll_arrival(&mut self, ticket: Ticket, context: &Context<'_>) -> Poll<()> {
        self.waiting.poll(ticket, context)
    }

    /// A member waits no longer, whether it was woken or not.
    pub(super) fn stop_waiting(&mut self, ticket: Ticket) {
        let leaves_something = !self.ready.is_empty() || !self.due.is_empty();
        self.waiting.leave(ticket, leaves_something);
    }

    /// Makes ready what has timed out or waited long enough. A clock that steps back does not undo it.
    fn wake(&mut self, now: Timestamp) {
        while let Some(&(at, position, tag)) = self.due.first()
            && at <= now
        {
            self.due.pop_first();
            if let Some(tag) = tag {
                self.out.remove(&tag);
            }
            self.offer(position);
        }
    }

    fn offer(&mut self, position: Position) {
        self.ready.insert(position);
        self.waiting.wake();
    }
}
