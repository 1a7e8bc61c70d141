use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use smol_str::SmolStr;

use super::{AggregateError, DomainEvent};
use crate::message::{EncodeError, MessageBuilder, to_json};

/// Error of a registration of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// An event is registered twice.
    #[error("event {0} is registered twice: it becomes one message, or is ignored")]
    Twice(&'static str),
    /// An event is neither registered nor ignored.
    #[error("event {0} becomes no message: publish it, or ignore it by name")]
    Missing(&'static str),
    /// A registered name is not an event of this type.
    #[error("event {0} is not declared in DomainEvent::NAMES")]
    Undeclared(&'static str),
}

type Encode<E> = Box<dyn Fn(&E) -> Result<Bytes, EncodeError> + Send + Sync>;

struct Outgoing<E> {
    kind: SmolStr,
    topic: SmolStr,
    encode: Encode<E>,
}

/// Mapping of domain events to integration messages. Each declared event is registered exactly once, or ignored by
/// name; anything else is an error when the map is built.
pub struct MessageMap<E> {
    source: SmolStr,
    entries: BTreeMap<&'static str, Option<Outgoing<E>>>,
}

/// Builder of a [`MessageMap`], which collects registrations.
pub struct MessageMapBuilder<E> {
    map: MessageMap<E>,
    /// The first mistake; the builder goes on so that calls can be chained.
    mistake: Option<MapError>,
}

impl<E: DomainEvent> MessageMap<E> {
    /// A map for messages of `source`, the service that they come from.
    pub fn builder(source: impl Into<SmolStr>) -> MessageMapBuilder<E> {
        MessageMapBuilder { map: Self { source: source.into(), entries: BTreeMap::new() }, mistake: None }
    }

    /// The message that `event` becomes, about `subject` and still without an id; `None` if the event is ignored.
    pub(super) fn message(&self, event: &E, subject: &str) -> Result<Option<MessageBuilder>, AggregateError> {
        let name = event.name();
        let entry = self.entries.get(name).ok_or(AggregateError::Undeclared(name))?;
        let Some(outgoing) = entry else { return Ok(None) };
        let data = (outgoing.encode)(event)?;
        let message = MessageBuilder::new(self.source.clone(), outgoing.kind.clone(), subject)
            .topic(outgoing.topic.clone())
            .data(SmolStr::new_static("application/json"), data);
        Ok(Some(message))
    }
}

impl<E: DomainEvent> MessageMapBuilder<E> {
    /// Publishes the event called `event` as a message of type `kind`, on the topic named as the source. The payload is
    /// what `payload` makes of it, in JSON: a contract of its own, so that the event may change without its readers.
    pub fn publish<P: Serialize>(
        self,
        event: &'static str,
        kind: impl Into<SmolStr>,
        payload: impl Fn(&E) -> P + Send + Sync + 'static,
    ) -> Self {
        let topic = self.map.source.clone();
        self.publish_to(topic, event, kind, payload)
    }

    /// Registers an event as [`MessageMapBuilder::publish`] does, on another topic.
    pub fn publish_to<P: Serialize>(
        self,
        topic: impl Into<SmolStr>,
        event: &'static str,
        kind: impl Into<SmolStr>,
        payload: impl Fn(&E) -> P + Send + Sync + 'static,
    ) -> Self {
        let kind = kind.into();
        let named = kind.clone();
        let encode: Encode<E> = Box::new(move |event| to_json(&named, &payload(event)));
        self.register(event, Some(Outgoing { kind, topic: topic.into(), encode }))
    }

    /// Keeps the event called `event` to this service.
    pub fn ignore(self, event: &'static str) -> Self {
        self.register(event, None)
    }

    fn register(mut self, event: &'static str, outgoing: Option<Outgoing<E>>) -> Self {
        if !E::NAMES.contains(&event) {
            self.mistake.get_or_insert(MapError::Undeclared(event));
        } else if self.map.entries.insert(event, outgoing).is_some() {
            self.mistake.get_or_insert(MapError::Twice(event));
        }
        self
    }

    /// The finished map.
    ///
    /// # Errors
    /// The first [`MapError`] that was made, or the first event that is missing.
    pub fn build(self) -> Result<MessageMap<E>, MapError> {
        let missing = || E::NAMES.iter().find(|name| !self.map.entries.contains_key(*name)).copied();
        match self.mistake.or_else(|| missing().map(MapError::Missing)) {
            Some(mistake) => Err(mistake),
            None => Ok(self.map),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Event {
        Placed,
        Confirmed,
    }

    impl DomainEvent for Event {
        const NAMES: &'static [&'static str] = &["Placed", "Confirmed"];

        fn name(&self) -> &'static str {
            match self {
                Self::Placed => "Placed",
                Self::Confirmed => "Confirmed",
            }
        }
    }

    fn map() -> MessageMapBuilder<Event> {
        MessageMap::builder("orders")
    }

    fn publish(builder: MessageMapBuilder<Event>, event: &'static str) -> MessageMapBuilder<Event> {
        builder.publish(event, "order.event", |_| 1)
    }

    #[test]
    fn seed_08_every_declared_event_is_published_or_ignored_by_name() {
        let map = publish(map(), "Confirmed").ignore("Placed").build().unwrap();
        assert!(map.message(&Event::Placed, "17").unwrap().is_none());
        assert!(map.message(&Event::Confirmed, "17").unwrap().is_some());
    }

    #[test]
    fn seed_08_a_second_registration_is_an_error_in_whatever_form() {
        for twice in [
            publish(publish(map(), "Confirmed"), "Confirmed"),
            publish(map(), "Confirmed").ignore("Confirmed"),
            publish(map().ignore("Confirmed"), "Confirmed"),
        ] {
            assert_eq!(twice.ignore("Placed").build().err(), Some(MapError::Twice("Confirmed")));
        }
    }

    #[test]
    fn seed_08_an_event_that_was_forgotten_is_an_error() {
        assert_eq!(publish(map(), "Confirmed").build().err(), Some(MapError::Missing("Placed")));
    }

    #[test]
    fn a_name_that_is_no_event_is_an_error() {
        assert_eq!(publish(map(), "Confrimed").build().err(), Some(MapError::Undeclared("Confrimed")));
    }
}
