//! Rows of declared tables, told as what they mean.

mod meaning;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use seaworthy_core::{ids::MessageId, ports::Cell};
use smol_str::SmolStr;

use crate::{
    topology::{Kind, Place, TableRow, Tables},
    trace::Effect,
};

/// Memory of the world about declared tables: only what the changes themselves don't say.
pub(crate) struct OwnTables {
    declared: Tables,
    /// The last body of each document of a declared collection: a write shows only the new one.
    bodies: BTreeMap<(SmolStr, SmolStr, SmolStr), Bytes>,
    /// Rows that are neither sent nor dead.
    pending: BTreeSet<(SmolStr, MessageId)>,
    /// Declarations that don't fit their tables, each told once.
    complaints: BTreeSet<String>,
}

/// One change of a row, both its sides as a declaration looks at them.
struct Change<'a> {
    place: Place,
    before: Option<TableRow<'a>>,
    after: Option<TableRow<'a>>,
}

impl OwnTables {
    pub(crate) fn new(declared: Tables) -> Option<Box<Self>> {
        let (bodies, pending, complaints) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        (!declared.is_empty()).then(|| Box::new(Self { declared, bodies, pending, complaints }))
    }

    /// Returns the number of declared outbox rows that wait to be sent.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The effects of a commit with the rows of declared tables told as what they mean; and what is wrong with the
    /// declarations, as far as it was not said before.
    ///
    /// A row of an outbox or inbox is told as the message that it is, and no more as a row.
    pub(crate) fn translate(&mut self, store: &str, effects: Vec<Effect>) -> (Vec<Effect>, Vec<(SmolStr, String)>) {
        let mut told = Vec::with_capacity(effects.len() + 2);
        let (mut entries, mut sums) = (Vec::new(), BTreeMap::new());
        // What was staged in one commit, with the place in its order that the declaration gives it.
        let mut staged: Vec<(Option<Cell>, Effect)> = Vec::new();
        let mut wrong = Vec::new();
        for effect in effects {
            let Some(name) = declared_name(&effect) else {
                told.push(effect);
                continue;
            };
            let kind = if matches!(effect, Effect::Row(_)) { Kind::Sql } else { Kind::Documents };
            let place = Place { store: store.into(), kind, name };
            if !self.declared.has(&place) {
                told.push(effect);
                continue;
            }
            match self.meaning(&place, &effect) {
                Ok(meaning) => {
                    if !meaning.explains {
                        told.push(effect);
                    }
                    staged.extend(meaning.staged);
                    entries.extend(meaning.entries);
                    for (sum, by) in meaning.amounts {
                        let so_far = sums.entry(sum).or_insert(0_i64);
                        *so_far = so_far.saturating_add(by);
                    }
                    told.extend(meaning.told);
                }
                Err(sentence) => {
                    told.push(effect);
                    let sentence = format!("`{}` of `{store}` is not as it is declared: {sentence}", place.name);
                    if self.complaints.insert(sentence.clone()) {
                        wrong.push((place.name, sentence));
                    }
                }
            }
        }
        staged.sort_by(|(one, _), (other, _)| meaning::order(one.as_ref(), other.as_ref()));
        told.extend(staged.into_iter().map(|(_, effect)| effect));
        told.extend(entries);
        told.extend(sums.into_iter().map(|(sum, by)| Effect::Amount { sum, by }));
        (told, wrong)
    }

    /// Returns the meaning of a change of one declared row.
    fn meaning(&mut self, place: &Place, effect: &Effect) -> Result<meaning::Meaning, String> {
        let old_body;
        let change = match effect {
            Effect::Row(row) => {
                let before = row.before.as_deref().map(|cells| TableRow::of_table(&row.columns, cells));
                let after = row.after.as_deref().map(|cells| TableRow::of_table(&row.columns, cells));
                Change { place: place.clone(), before, after }
            }
            Effect::Document { id, body, .. } => {
                let key = (place.store.clone(), place.name.clone(), id.clone());
                old_body = match body {
                    Some(body) => self.bodies.insert(key, body.clone()),
                    None => self.bodies.remove(&key),
                };
                let before = old_body.as_ref().map(|body| TableRow::of_document(id, body)).transpose()?;
                let after = body.as_ref().map(|body| TableRow::of_document(id, body)).transpose()?;
                Change { place: place.clone(), before, after }
            }
            _ => return Ok(meaning::Meaning::default()),
        };
        let meaning = meaning::interpret(&self.declared, &change)?;
        for (message, is_pending) in &meaning.pending {
            let entry = (place.name.clone(), *message);
            if *is_pending {
                self.pending.insert(entry);
            } else {
                self.pending.remove(&entry);
            }
        }
        Ok(meaning)
    }
}

/// The table or collection that an effect is about, if it is about one that may be declared.
fn declared_name(effect: &Effect) -> Option<SmolStr> {
    match effect {
        Effect::Row(row) => Some(row.table.clone()),
        Effect::Document { collection, .. } => Some(collection.clone()),
        _ => None,
    }
}
