//! A process manager at work: one message, one transaction.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use smol_str::ToSmolStr as _;
use tracing::{debug, warn};

use super::{
    super::{REJECTED, REVOKED, Rejection, domain::rejections_topic, split::Splitter},
    ProcessManager, Reaction,
    instance::{GoneOff, Instance},
    manager::{TIMER, timers_topic},
};
use crate::{
    inbox::{Consumer, ConsumerConfig, Handler, HandlerError, Handlers},
    message::{EncodeError, Message, MessageBuilder},
    ports::{Clock, Expected, Ports, Transaction},
};

impl<S: Default + Serialize + DeserializeOwned + Send + Sync + 'static> ProcessManager<S> {
    /// Returns its handlers, for a [`Consumer`] of its [`topics`](Self::topics). `clock` gives messages their time.
    pub fn handlers(&self, clock: Arc<dyn Clock>) -> Handlers {
        let reacting = || Reacting { manager: self.clone(), clock: clock.clone() };
        let mut handlers = Handlers::builder().on(TIMER, reacting()).on(REJECTED, reacting());
        for kind in self.reactions.keys() {
            handlers = handlers.on(kind.clone(), reacting());
        }
        let mut ignored = self.ignored.clone();
        ignored.push(REVOKED);
        ignored.sort_unstable();
        ignored.dedup();
        for kind in ignored.into_iter().filter(|kind| !self.reactions.contains_key(*kind)) {
            handlers = handlers.ignore(kind);
        }
        handlers.build().expect("each type is registered once: `build` has seen to it")
    }

    /// Returns its consumer in a process, with the defaults.
    pub fn consumer(&self, ports: &Ports) -> Consumer {
        let config = ConsumerConfig::new(self.topics().to_vec());
        Consumer::new(ports, self.name.clone(), self.handlers(ports.clock.clone()), config)
    }
}

struct Reacting<S> {
    manager: ProcessManager<S>,
    clock: Arc<dyn Clock>,
}

impl<S: Default + Serialize + DeserializeOwned + Send + Sync + 'static> Reacting<S> {
    /// Sets and cancels timers: of those set one message each, which waits in the outbox.
    async fn set_timers(
        &self,
        tx: &mut dyn Transaction,
        instance: &mut Instance<S>,
        trigger: &Message,
        reaction: &Reaction,
    ) -> Result<(), HandlerError> {
        let name = &self.manager.name;
        for (timer, after) in &reaction.timers {
            let generation = instance.timer(timer).renew(after.is_some());
            // One that this reaction sets and ends at once has no use.
            let (Some(after), false) = (after, reaction.ends) else { continue };
            let moment = tx.now().await? + *after;
            let (id, number) = (trigger.correlation_id, generation.to_smolstr());
            let message = MessageBuilder::new(name.clone(), TIMER, timer.clone())
                .topic(timers_topic(name))
                .partition_key(id.to_smolstr())
                .caused_by(trigger)
                .not_before(moment)
                .json(&GoneOff { timer: timer.clone(), generation })?
                .derive(id, &["timer", name, timer, &number], self.clock.now());
            tx.stage(&message).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl<S: Default + Serialize + DeserializeOwned + Send + Sync + 'static> Handler for Reacting<S> {
    async fn handle(&self, tx: &mut dyn Transaction, message: &Message) -> Result<(), HandlerError> {
        let manager = &self.manager;
        let id = message.correlation_id;
        let loaded = manager.load(tx, id).await?;
        let expected = loaded.as_ref().map_or(Expected::Absent, |(_, version)| Expected::Version(*version));
        let begins_none = matches!(message.kind.as_str(), TIMER | REJECTED);
        let mut instance = match loaded {
            Some((instance, _)) => instance,
            None if begins_none => {
                tx.after_commit(Box::new(
                    move || warn!(process = %id, "message of a process that is forgotten is dropped"),
                ));
                return Ok(());
            }
            None => Instance::new(S::default()),
        };
        let Some(reaction) = manager.react(&mut instance, message)? else {
            debug!(process = %id, "late message is dropped");
            return Ok(());
        };
        self.set_timers(tx, &mut instance, message, &reaction).await?;
        if reaction.ends {
            instance = Instance::ended(tx.now().await?);
        }
        let body = serde_json::to_vec(&instance)
            .map_err(|error| EncodeError { kind: manager.collection(), reason: error.to_string() })?;
        tx.put(&manager.collection(), &id.to_smolstr(), expected, Bytes::from(body)).await?;
        let rejections = rejections_topic(&manager.name);
        let now = self.clock.now();
        // A rejection holds its command with the event of that: to carry all of it again would grow with each rejection.
        let first = match message.kind.as_str() {
            REJECTED => message.json::<Rejection>()?.event()?,
            _ => None,
        };
        let carried = first.as_ref().unwrap_or(message);
        let splitter = Splitter {
            sender: &manager.name,
            rejections,
            answers: None,
            event: message,
            carried,
            trigger: message,
            now,
        };
        for command in splitter.all(reaction.commands)? {
            debug!(process = %id, command = %command.id, kind = %command.kind, root = %command.subject, "staged");
            tx.stage(&command).await?;
        }
        Ok(())
    }
}
