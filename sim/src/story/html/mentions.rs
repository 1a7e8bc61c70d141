//! Names of the things that events are about, by which a page can be filtered.

use std::collections::BTreeMap;

use serde::Serialize;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::{
    story::lineage::Thread,
    trace::{Effect, Event, Renderer, What},
};

/// Something that goes on through several events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Mention {
    pub(super) kind: MentionKind,
    /// Its short name, which is no other entity's of its kind: `m1`, `order-3`.
    pub(super) name: String,
    /// Description of the thing, where one is known: `order.confirmed of order-3`.
    pub(super) label: String,
    /// Its whole id, where the name is short for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MentionKind {
    Key,
    Message,
    Saga,
    Request,
    Operation,
    Document,
}

/// Things that the events of a page name, in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Mentions {
    all: Vec<Mention>,
    positions: BTreeMap<Thread, usize>,
}

impl Mentions {
    /// All of them.
    pub(super) fn into_list(self) -> Vec<Mention> {
        self.all
    }

    /// Returns the positions of those that `threads` are, each once.
    pub(super) fn among(&self, threads: &[Thread]) -> Vec<usize> {
        let mut found: Vec<usize> = threads.iter().filter_map(|thread| self.positions.get(thread).copied()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Takes in what an event names.
    pub(super) fn see(&mut self, event: &Event, renderer: &mut Renderer) {
        let mut add = |thread, kind, name: &str, label: &str| self.add(thread, kind, name, label, renderer);
        match &event.what {
            What::Request { request, operation } => {
                add(Thread::request(*request), MentionKind::Request, &format!("request {request}"), operation);
            }
            What::Publish { message, .. } | What::Deliver { message, .. } => {
                let label = format!("{} of {}", message.kind, message.subject);
                add(Thread::message(message.id), MentionKind::Message, &message.id.to_string(), &label);
                add(Thread::name(&message.subject), MentionKind::Key, &message.subject, "");
            }
            What::External { service, operation, operation_id, subject, .. } => {
                let label = format!("{service} {operation} {subject}");
                add(Thread::operation(*operation_id), MentionKind::Operation, &operation_id.to_string(), &label);
                add(Thread::name(subject), MentionKind::Key, subject, "");
            }
            What::Commit { store, effects, tried, .. } => {
                effects.iter().chain(tried).for_each(|effect| effect_names(effect, store, &mut add));
            }
            _ => {}
        }
    }

    fn add(&mut self, thread: Thread, kind: MentionKind, name: &str, label: &str, renderer: &mut Renderer) {
        if name.is_empty() || self.positions.contains_key(&thread) {
            return;
        }
        let id = Uuid::try_parse(name).is_ok().then(|| name.to_owned());
        let (name, label) = (renderer.abbreviate(name), renderer.abbreviate(label));
        self.positions.insert(thread, self.all.len());
        self.all.push(Mention { kind, name, label, id });
    }
}

fn effect_names(effect: &Effect, store: &SmolStr, add: &mut impl FnMut(Thread, MentionKind, &str, &str)) {
    match effect {
        Effect::Document { collection, id, .. } => {
            let label = format!("on {store}");
            add(Thread::document(store, collection, id), MentionKind::Document, &format!("{collection}/{id}"), &label);
        }
        Effect::Staged(message) => {
            let label = format!("{} of {}", message.kind, message.subject);
            add(Thread::message(message.id), MentionKind::Message, &message.id.to_string(), &label);
            add(Thread::name(&message.subject), MentionKind::Key, &message.subject, "");
        }
        Effect::SagaCreated { saga, definition, key } => {
            let label = format!("{} of {key}", definition.name);
            add(Thread::saga(*saga), MentionKind::Saga, &saga.to_string(), &label);
            add(Thread::name(key), MentionKind::Key, key, "");
        }
        Effect::Operation { id, .. } => add(Thread::operation(*id), MentionKind::Operation, &id.to_string(), ""),
        Effect::Row(row) => {
            if let Some(key) = row.before.iter().chain(&row.after).find_map(|cells| cells.first()) {
                let name = format!("{}/{key}", row.table);
                add(Thread::row(store, &row.table, key), MentionKind::Document, &name, &format!("on {store}"));
            }
        }
        Effect::Entry { key, .. } => add(Thread::name(key), MentionKind::Key, key, ""),
        Effect::Lock { name, .. } => add(Thread::name(name), MentionKind::Key, name, ""),
        _ => {}
    }
}
