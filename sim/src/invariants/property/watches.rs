//! Watches of a property: each hands its closure what happens of one sort.

use seaworthy_core::message::Message;
use serde::de::DeserializeOwned;

use super::{AppendedEvent, Called, Property, Ruling, Written};
use crate::{
    invariants::Interest,
    trace::{Effect, Event, What},
};

impl<S: Send + 'static, R: Ruling> Property<S, R> {
    /// Sees each document of a collection as it is written, in JSON. One that can't be read as a `T` is a violation.
    ///
    /// The collection may be in several stores; which one a document was written to it says itself:
    ///
    /// ```
    /// use seaworthy_sim::invariants::{Broken, Written, eventually};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Account {
    ///     balance: i64,
    /// }
    ///
    /// let as_much_is_owed = eventually("as-much-is-owed", (0, 0))
    ///     .on_document("accounts", |(bank, branch), account: Written<'_, Account>| match &**account.store {
    ///         "branch" => *branch = account.value.balance,
    ///         _ => *bank = account.value.balance,
    ///     })
    ///     .at_rest(|(bank, branch)| {
    ///         (bank != branch).then(|| Broken::new("the account", format!("{bank} at the bank, {branch} at its branch")))
    ///     });
    /// # drop(as_much_is_owed);
    /// ```
    #[must_use]
    pub fn on_document<T>(
        self,
        collection: &'static str,
        mut see: impl FnMut(&mut S, Written<'_, T>) -> R + Send + 'static,
    ) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.watch(Interest::DOCUMENT, move |state, event, watched| {
            let What::Commit { store, effects, .. } = &event.what else { return };
            for (at, effect) in effects.iter().enumerate() {
                let Effect::Document { collection: of, id, version, body: Some(body) } = effect else { continue };
                if of != collection {
                    continue;
                }
                match watched.judge.decoded.document::<T>(event, at, body) {
                    Ok(value) => {
                        let version = *version;
                        watched.rule(see(state, Written { store, id, version, value: &*value, event }));
                    }
                    Err(error) => {
                        let sentence = format!("document `{id}` of `{collection}` can't be read: {error}");
                        watched.judge.violate(id.as_str(), sentence, vec![event.number]);
                    }
                }
            }
        })
    }

    /// Sees each document of a collection as it is written, whatever it is: its value is the bytes.
    #[must_use]
    pub fn on_write(
        self,
        collection: &'static str,
        mut see: impl FnMut(&mut S, Written<'_, [u8]>) -> R + Send + 'static,
    ) -> Self {
        self.watch(Interest::DOCUMENT, move |state, event, watched| {
            let What::Commit { store, effects, .. } = &event.what else { return };
            for effect in effects.iter() {
                if let Effect::Document { collection: of, id, version, body: Some(body) } = effect
                    && of == collection
                {
                    watched.rule(see(state, Written { store, id, version: *version, value: body, event }));
                }
            }
        })
    }

    /// Sees each document of a collection as it is deleted: its id.
    #[must_use]
    pub fn on_delete(
        self,
        collection: &'static str,
        mut see: impl FnMut(&mut S, &str, &Event) -> R + Send + 'static,
    ) -> Self {
        self.watch(Interest::DOCUMENT, move |state, event, watched| {
            for effect in event.effects() {
                if let Effect::Document { collection: of, id, body: None, .. } = effect
                    && of == collection
                {
                    watched.rule(see(state, id, event));
                }
            }
        })
    }

    /// Sees each message of a type as the transaction that staged it commits.
    #[must_use]
    pub fn on_staged(
        self,
        kind: &'static str,
        mut see: impl FnMut(&mut S, &Message, &Event) -> R + Send + 'static,
    ) -> Self {
        self.watch(Interest::STAGED, move |state, event, watched| {
            for effect in event.effects() {
                if let Effect::Staged(message) = effect
                    && message.kind == kind
                {
                    watched.rule(see(state, message, event));
                }
            }
        })
    }

    /// Sees each event of a type as the transaction that appended it to its stream commits, with the stream and its version.
    ///
    /// ```
    /// use seaworthy_sim::invariants::{Broken, always};
    ///
    /// let opened_first = always("opened-first", ()).on_appended("account.opened", |(), opened, _| match opened.version {
    ///     1 => Ok(()),
    ///     version => Err(Broken::new(opened.stream, format!("{} is opened as of version {version}", opened.stream))),
    /// });
    /// # drop(opened_first);
    /// ```
    #[must_use]
    pub fn on_appended(
        self,
        kind: &'static str,
        mut see: impl FnMut(&mut S, AppendedEvent<'_>, &Event) -> R + Send + 'static,
    ) -> Self {
        self.watch(Interest::STREAM, move |state, event, watched| {
            for effect in event.effects() {
                if let Effect::Appended { stream, version, position, event: message } = effect
                    && message.kind == kind
                {
                    let appended = AppendedEvent { stream, version: *version, position: *position, message };
                    watched.rule(see(state, appended, event));
                }
            }
        })
    }

    /// Sees each call on which an external service acted, whether or not its caller heard of it. A repetition that gets the
    /// answer of the first is none.
    #[must_use]
    pub fn on_call(self, service: &'static str, mut see: impl FnMut(&mut S, Called<'_>) -> R + Send + 'static) -> Self {
        self.watch(Interest::EXTERNAL, move |state, event, watched| {
            if let What::External { service: of, operation, subject, acted: true, .. } = &event.what
                && of == service
            {
                watched.rule(see(state, Called { operation, subject, event }));
            }
        })
    }

    /// Sees each event of these classes.
    #[must_use]
    pub fn on_event(self, interest: Interest, mut see: impl FnMut(&mut S, &Event) -> R + Send + 'static) -> Self {
        self.watch(interest, move |state, event, watched| {
            if watched.is_alone || interest.meets(Interest::from_event(event)) {
                watched.rule(see(state, event));
            }
        })
    }
}
