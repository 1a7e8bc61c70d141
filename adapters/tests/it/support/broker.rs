//! A broker that says what a test wants it to say, before a real one in memory.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    ports::{Broker, BrokerError, Clock, PublishResult, Subscription, SubscriptionSpec, Timestamp},
};
use seaworthy_memory::broker::{BrokerConfig, MemoryBroker};

type Script = Box<dyn FnMut(&Message, Timestamp) -> PublishResult + Send>;

/// Accepts everything until it is told otherwise; what it accepts can be received.
pub(crate) struct ScriptedBroker {
    behind: MemoryBroker,
    clock: Arc<dyn Clock>,
    script: Mutex<Script>,
    accepted: Mutex<Vec<(Timestamp, Message)>>,
    asked: Mutex<Vec<(Timestamp, MessageId)>>,
    refused: Mutex<Option<String>>,
    forgets: AtomicBool,
}

impl ScriptedBroker {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            behind: MemoryBroker::new(clock.clone(), BrokerConfig::default()),
            clock,
            script: Mutex::new(Box::new(|_, _| Ok(()))),
            accepted: Mutex::default(),
            asked: Mutex::default(),
            refused: Mutex::default(),
            forgets: AtomicBool::new(false),
        }
    }

    /// Says what becomes of each message from now on, at the moment at which it is published.
    pub(crate) fn says(&self, script: impl FnMut(&Message, Timestamp) -> PublishResult + Send + 'static) {
        *self.script.lock().expect("no script panics") = Box::new(script);
    }

    /// Fails each call as a whole that has a message of this topic, as some adapters do.
    pub(crate) fn refuses_batches_with(&self, topic: &str) {
        *self.refused.lock().expect("no script panics") = Some(topic.into());
    }

    /// Has it lose what it accepts from now on, or no longer.
    pub(crate) fn forgets(&self, forgets: bool) {
        self.forgets.store(forgets, Ordering::SeqCst);
    }

    /// What was accepted, and when.
    pub(crate) fn accepted(&self) -> Vec<(Timestamp, Message)> {
        self.accepted.lock().expect("no script panics").clone()
    }

    /// What was published, accepted or not, and when.
    pub(crate) fn asked(&self) -> Vec<(Timestamp, MessageId)> {
        self.asked.lock().expect("no script panics").clone()
    }

    /// Number of messages of a topic that were accepted.
    pub(crate) fn accepted_of(&self, topic: &str) -> usize {
        self.accepted.lock().expect("no script panics").iter().filter(|(_, message)| message.topic == topic).count()
    }

    /// The broker that keeps what was accepted.
    pub(crate) fn behind(&self) -> &MemoryBroker {
        &self.behind
    }
}

#[async_trait]
impl Broker for ScriptedBroker {
    async fn publish(&self, batch: &[Message]) -> Result<Vec<PublishResult>, BrokerError> {
        let now = self.clock.now();
        let refused = self.refused.lock().expect("no script panics").clone();
        if batch.iter().any(|message| Some(message.topic.as_str()) == refused.as_deref()) {
            return Err(BrokerError::Unavailable("no leader for a partition of the batch".into()));
        }
        let mut answers = Vec::with_capacity(batch.len());
        for message in batch {
            self.asked.lock().expect("no script panics").push((now, message.id));
            let said = (self.script.lock().expect("no script panics"))(message, now);
            answers.push(match said {
                Ok(()) => {
                    let answer = match self.forgets.load(Ordering::SeqCst) {
                        true => Ok(()),
                        false => self.behind.publish(std::slice::from_ref(message)).await?.swap_remove(0),
                    };
                    if answer.is_ok() {
                        self.accepted.lock().expect("no script panics").push((now, message.clone()));
                    }
                    answer
                }
                Err(failure) => Err(failure),
            });
        }
        Ok(answers)
    }

    async fn subscribe(&self, spec: &SubscriptionSpec) -> Result<Box<dyn Subscription>, BrokerError> {
        self.behind.subscribe(spec).await
    }
}
