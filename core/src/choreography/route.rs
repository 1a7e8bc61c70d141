//! A router at work: the two phases around the fetch of states, and the messages that come of it.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use smol_str::SmolStr;
use tracing::debug;

use super::{
    Command, DestinationStates, Destinations, TranslateError,
    domain::rejections_topic,
    sent::Times,
    split::{Slot, Splitter},
    translator::Translate,
};
use crate::{
    inbox::{Handler, HandlerError},
    message::Message,
    ports::{Clock, Transaction},
    time::Timestamp,
};

/// Parts of a router that its handlers share.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) name: SmolStr,
    pub(super) source: &'static str,
    pub(super) translators: BTreeMap<SmolStr, Arc<dyn Translate>>,
    pub(super) states: Arc<dyn DestinationStates>,
    pub(super) attempts_max: u32,
    pub(super) clock: Arc<dyn Clock>,
}

impl Route {
    /// Goes through both phases. An event that nobody has registered for leads to nothing.
    async fn translate(&self, tx: &mut dyn Transaction, event: &Message) -> Result<Vec<Command>, HandlerError> {
        let Some(translator) = self.translators.get(&event.kind) else { return Ok(Vec::new()) };
        let mut states = Vec::new();
        for destination in translator.prepare(event)? {
            let state = self.states.fetch(tx, &destination).await?;
            states.push((destination, state));
        }
        Ok(translator.handle(event, &Destinations::from_iter(states))?)
    }

    /// The command of one slot as it is now; `None` if there is none any more.
    pub(super) async fn once_more(
        &self,
        tx: &mut dyn Transaction,
        trigger: &Message,
        event: &Message,
        slot: &Slot,
        times: Times,
    ) -> Result<Option<Message>, HandlerError> {
        let commands = self.translate(tx, event).await?;
        let splitter = splitter(&self.name, self.source, event, trigger, self.clock.now());
        Ok(splitter.one(commands, slot, times)?)
    }
}

pub(super) fn splitter<'a>(
    router: &'a SmolStr,
    source: &str,
    event: &'a Message,
    trigger: &'a Message,
    now: Timestamp,
) -> Splitter<'a> {
    let (rejections, answers) = (rejections_topic(source), Some(answers_topic(router)));
    Splitter { sender: router, rejections, answers, event, carried: event, trigger, now }
}

/// Topic on which a router hears what became of its commands.
pub(super) fn answers_topic(router: &str) -> SmolStr {
    smol_str::format_smolstr!("{router}.answers")
}

/// Handler of the source's events.
pub(super) struct Events(pub(super) Arc<Route>);

#[async_trait]
impl Handler for Events {
    async fn handle(&self, tx: &mut dyn Transaction, event: &Message) -> Result<(), HandlerError> {
        let route = &*self.0;
        let commands = route.translate(tx, event).await?;
        let split: Result<_, TranslateError> =
            splitter(&route.name, route.source, event, event, route.clock.now()).all(commands);
        for command in split? {
            debug!(command = %command.id, kind = %command.kind, root = %command.subject, "staged");
            tx.stage(&command).await?;
        }
        Ok(())
    }
}
