//! The simulated broker as a pure state machine: no task, no clock, no fault, no draw.

mod group;
mod queue;
mod waiting;

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Delivery, DeliveryTag, PublishError, PublishResult, SubscriptionSpec, Timestamp},
};
use smol_str::{SmolStr, format_smolstr};

use self::group::Group;
pub(super) use self::waiting::Ticket;
use super::{BrokerConfig, Unroutable};
use crate::lookup::Lookup;

/// Names one consumer group; groups are never taken away.
pub(super) type GroupNumber = usize;

/// Names one membership in a group.
pub(super) type MemberNumber = u64;

/// Groups, what they are bound to, and what is kept for topics that nobody is bound to.
#[derive(Debug)]
pub(super) struct BrokerModel {
    config: BrokerConfig,
    groups: Vec<Group>,
    numbers: Lookup<SmolStr, GroupNumber>,
    topics: Lookup<SmolStr, Topic>,
    last_member: MemberNumber,
    last_tag: u64,
}

#[derive(Debug, Default)]
struct Topic {
    groups: Vec<GroupNumber>,
    /// Messages that came before any group was bound.
    kept: Vec<Arc<Message>>,
}

/// Answer to a member that asks for messages.
pub(super) enum Received {
    /// Deliveries, at least one.
    Some(Vec<Delivery>),
    /// None now: ask again when the wait is ended, or at the moment at which the next one is due.
    Wait(Ticket, Option<Timestamp>),
}

impl BrokerModel {
    pub(super) fn new(config: BrokerConfig) -> Self {
        Self {
            config,
            groups: Vec::new(),
            numbers: Lookup::default(),
            topics: Lookup::default(),
            last_member: 0,
            last_tag: 0,
        }
    }

    /// Makes a group and binds it to its topics, as far as that has not been done. The first group that binds a topic
    /// gets what was kept for it.
    pub(super) fn declare(&mut self, spec: &SubscriptionSpec) -> GroupNumber {
        let number = match self.numbers.get(&spec.group) {
            Some(number) => *number,
            None => {
                let number = self.groups.len();
                self.groups.push(Group::new(spec.group.clone()));
                self.numbers.insert(spec.group.clone(), number);
                number
            }
        };
        for name in &spec.topics {
            let topic = self.topics.entry(name.clone()).or_default();
            if !topic.groups.contains(&number) {
                topic.groups.push(number);
            }
            for message in topic.kept.drain(..) {
                self.groups[number].accept(message);
            }
        }
        number
    }

    pub(super) fn join(&mut self, spec: &SubscriptionSpec) -> (GroupNumber, MemberNumber) {
        self.last_member += 1;
        (self.declare(spec), self.last_member)
    }

    /// Removes a member: what it had received and not acknowledged can be delivered again.
    pub(super) fn leave(&mut self, group: GroupNumber, member: MemberNumber) {
        self.groups[group].give_back(member);
    }

    pub(super) fn publish(&mut self, message: &Message) -> PublishResult {
        if message.data.len() > self.config.payload_bytes_max {
            return Err(PublishError::Refused(format_smolstr!(
                "payload of {} bytes, and {} are allowed: send a reference to it instead",
                message.data.len(),
                self.config.payload_bytes_max
            )));
        }
        match self.topics.get_mut(&message.topic) {
            Some(topic) if !topic.groups.is_empty() => {
                let full = |group: &&GroupNumber| !self.groups[**group].has_room(message, &self.config);
                if let Some(group) = topic.groups.iter().find(full).map(|group| &self.groups[*group]) {
                    return Err(PublishError::Unavailable(format_smolstr!(
                        "group {} has {} messages of {} bytes unacknowledged: is its consumer running?",
                        group.name(),
                        group.len(),
                        group.bytes()
                    )));
                }
                let message = Arc::new(message.clone());
                for group in &topic.groups {
                    self.groups[*group].accept(Arc::clone(&message));
                }
                Ok(())
            }
            _ if self.config.unroutable == Unroutable::Reject => Err(PublishError::Refused(format_smolstr!(
                "no group is bound to topic {}: declare one before publishing to it",
                message.topic
            ))),
            _ if self.config.unroutable == Unroutable::Wait => Err(PublishError::Unavailable(format_smolstr!(
                "no group is bound to topic {} yet: is its consumer running?",
                message.topic
            ))),
            _ => {
                let topic = self.topics.entry(message.topic.clone()).or_default();
                topic.kept.push(Arc::new(message.clone()));
                Ok(())
            }
        }
    }

    /// Enqueues another copy of a message in each group that has not acknowledged it, behind what is there. Returns
    /// in how many groups.
    pub(super) fn duplicate(&mut self, message: MessageId) -> usize {
        self.groups.iter_mut().map(|group| usize::from(group.duplicate(message))).sum()
    }

    pub(super) fn receive(&mut self, group: GroupNumber, member: MemberNumber, max: usize, now: Timestamp) -> Received {
        let until = now + self.config.visibility_timeout;
        self.groups[group].receive(member, max, now, until, &mut self.last_tag)
    }

    /// Returns `Ready` once whoever waits should ask again.
    pub(super) fn poll_arrival(&mut self, group: GroupNumber, ticket: Ticket, context: &Context<'_>) -> Poll<()> {
        self.groups[group].poll_arrival(ticket, context)
    }

    /// Ends a wait, whether it was woken or not.
    pub(super) fn stop_waiting(&mut self, group: GroupNumber, ticket: Ticket) {
        self.groups[group].stop_waiting(ticket);
    }

    pub(super) fn ack(&mut self, group: GroupNumber, tag: DeliveryTag, now: Timestamp) {
        self.groups[group].ack(tag, now);
    }

    pub(super) fn nack(&mut self, group: GroupNumber, tag: DeliveryTag, delay: Duration, now: Timestamp) {
        self.groups[group].nack(tag, delay, now);
    }

    /// Keeps a delivery that is out for longer. Returns `false` if it is not out any more.
    pub(super) fn extend(&mut self, group: GroupNumber, tag: DeliveryTag, by: Duration, now: Timestamp) -> bool {
        self.groups[group].extend(tag, by, now)
    }

    pub(super) fn pending(&self) -> usize {
        self.groups.iter().map(Group::len).sum()
    }

    pub(super) fn unacknowledged(&self, group: &str) -> usize {
        self.numbers.get(group).map_or(0, |number| self.groups[*number].len())
    }

    pub(super) fn outstanding(&self, limit: usize) -> Vec<(SmolStr, MessageId)> {
        let all = self.groups.iter().flat_map(|group| group.messages().map(|id| (group.name().clone(), id)));
        all.take(limit).collect()
    }

    pub(super) fn describe(&self) -> SmolStr {
        format_smolstr!("{} groups, {} messages", self.groups.len(), self.pending())
    }
}
