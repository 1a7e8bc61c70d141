//! Properties of the last state of a document: one that it may not leave, and one that it has to come to.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use smol_str::{SmolStr, format_smolstr};

use super::{AtRest, Broken, Property, Written, always, eventually};
use crate::invariants::Entity;

/// Last states of documents, by the names of store and document.
type Last<T> = BTreeMap<(SmolStr, SmolStr), T>;

/// A property that no document leaves the state in which it has ended: once `ended` names one, each later version has the same. It
/// is for aggregates and read models; of sagas `terminal-state-final` asks it by itself. A document that is deleted may begin anew.
///
/// ```
/// use seaworthy_sim::invariants::stays;
///
/// #[derive(serde::Deserialize)]
/// struct Order {
///     state: String,
/// }
///
/// let final_states = stays("order-stays-ended", "orders", |order: &Order| {
///     matches!(order.state.as_str(), "shipped" | "cancelled").then(|| order.state.clone())
/// });
/// # drop(final_states);
/// ```
pub fn stays<T, K>(
    name: &'static str,
    collection: &'static str,
    ended: impl Fn(&T) -> Option<K> + Send + 'static,
) -> Property<impl Send + 'static, Result<(), Broken>>
where
    T: DeserializeOwned + Send + Sync + 'static,
    K: PartialEq + std::fmt::Debug + Send + 'static,
{
    let property = always(name, Last::<(K, u64)>::new());
    let property = property.on_document(collection, move |last, document: Written<'_, T>| {
        let now = ended(document.value);
        let place = (document.store.clone(), document.id.clone());
        if let Some((before, event)) = last.get(&place)
            && now.as_ref() != Some(before)
        {
            let became = now.as_ref().map_or_else(|| "went on".to_owned(), |now| format!("became {now:?}"));
            let sentence = format!("`{}` of `{collection}` had ended as {before:?} and {became}", document.id);
            return Err(of(collection, document.id, sentence).at(*event).at(document.event));
        }
        if let Some(now) = now {
            last.entry(place).or_insert((now, document.event.number));
        }
        Ok(())
    });
    property.on_delete(collection, |last, id, event| {
        if let crate::trace::What::Commit { store, .. } = &event.what {
            last.remove(&(store.clone(), id.into()));
        }
        Ok(())
    })
}

/// A property that each document of a collection has ended once the run has come to rest: `waits_for` says what it still waits for, and
/// `None` once it has ended. It is liveness by key, for aggregates, and for instances of a process manager, whose
/// [collection](seaworthy_core::choreography::ProcessManager::collection) it is given. A document that is deleted has ended.
///
/// ```
/// use seaworthy_sim::invariants::ends;
///
/// #[derive(serde::Deserialize)]
/// struct Hand {
///     to_act: Option<String>,
/// }
///
/// let all_end = ends("hand-ends", "hands", |hand: &Hand| hand.to_act.as_ref().map(|player| format!("{player} to act")));
/// # drop(all_end);
/// ```
pub fn ends<T>(
    name: &'static str,
    collection: &'static str,
    waits_for: impl Fn(&T) -> Option<String> + Send + 'static,
) -> AtRest<impl Send + 'static>
where
    T: DeserializeOwned + Send + Sync + 'static,
{
    eventually(name, Last::<(String, u64)>::new())
        .on_document(collection, move |waiting, document: Written<'_, T>| {
            let place = (document.store.clone(), document.id.clone());
            match waits_for(document.value) {
                Some(what) => _ = waiting.insert(place, (what, document.event.number)),
                None => _ = waiting.remove(&place),
            }
        })
        .on_delete(collection, |waiting, id, event| {
            if let crate::trace::What::Commit { store, .. } = &event.what {
                waiting.remove(&(store.clone(), id.into()));
            }
        })
        .at_rest(move |waiting| {
            let broken = |((_, id), (what, event)): (&(SmolStr, SmolStr), &(String, u64))| {
                of(collection, id, format!("`{id}` of `{collection}` stands still: it waits for {what}")).at(*event)
            };
            waiting.iter().map(broken).collect::<Vec<_>>()
        })
}

fn of(collection: &str, id: &SmolStr, sentence: String) -> Broken {
    Broken::new(Entity::named(format_smolstr!("{collection}"), id.clone()), sentence)
}
