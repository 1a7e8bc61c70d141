use bytes::Bytes;
use serde::Serialize;
use smol_str::SmolStr;
use uuid::Uuid;

use super::{Causation, EncodeError, HeaderError, Headers, Message, Schedule, codec::to_json};
use crate::{
    ids::{self, MessageId},
    time::Timestamp,
};

/// Builds a [`Message`]. The envelope is set here and only here: a payload is opaque bytes beside it, so a payload field
/// named `id` or `type` changes nothing.
///
/// What is built within an inbox's [`Handler`](crate::inbox::Handler) is a consequence of the message that is being handled, as
/// if [`caused_by`](Self::caused_by) had been called with it: what is not set otherwise - cause, correlation, trace - is taken
/// over.
///
/// ```
/// use seaworthy_core::{message::MessageBuilder, ports::Timestamp};
///
/// let parent = uuid::Uuid::from_u128(7);
/// let message = MessageBuilder::new("orders", "order.confirmed", "order-17")
///     .correlation(parent)
///     .json(&serde_json::json!({ "quantity": 3, "id": "not the envelope's" }))?
///     .derive(parent, &["confirm"], Timestamp::EPOCH);
/// assert_eq!(message.partition_key, "order-17");
/// assert_eq!(message.topic, "orders");
/// # Ok::<(), seaworthy_core::message::EncodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    message: Message,
    /// `true` once a correlation id was given; without one a message starts its own.
    correlated: bool,
}

impl MessageBuilder {
    /// A message from `source` of type `kind` about `subject`. Unless said otherwise its topic is the source and its
    /// partition key is the subject.
    ///
    /// A source is one store: its messages are numbered by it. Two stores under one name are told apart by their
    /// [epochs](Message::epoch) only, and share no order.
    pub fn new(source: impl Into<SmolStr>, kind: impl Into<SmolStr>, subject: impl Into<SmolStr>) -> Self {
        let source = source.into();
        let subject = subject.into();
        let message = Message {
            id: MessageId(Uuid::nil()),
            topic: source.clone(),
            source,
            kind: kind.into(),
            partition_key: subject.clone(),
            subject,
            time: Timestamp::EPOCH,
            content_type: SmolStr::new_static("application/json"),
            sequence: 0,
            epoch: 0,
            gap: 0,
            correlation_id: Uuid::nil(),
            causation_id: None,
            traceparent: None,
            headers: Headers::new(),
            schedule: Schedule::NONE,
            data: Bytes::new(),
        };
        Self { message, correlated: false }
    }

    /// Routes it elsewhere than to the topic named as its source.
    pub fn topic(mut self, topic: impl Into<SmolStr>) -> Self {
        self.message.topic = topic.into();
        self
    }

    /// Orders it with the messages of this key instead of those of its subject.
    pub fn partition_key(mut self, key: impl Into<SmolStr>) -> Self {
        self.message.partition_key = key.into();
        self
    }

    /// Makes it part of a business transaction, for example of a saga.
    pub fn correlation(mut self, id: Uuid) -> Self {
        self.message.correlation_id = id;
        self.correlated = true;
        self
    }

    /// Makes it a consequence of `parent`: it takes over the correlation id and the trace, and names its cause.
    pub fn caused_by(mut self, parent: &Message) -> Self {
        self.message.causation_id = Some(parent.id);
        self.message.traceparent.clone_from(&parent.traceparent);
        self.correlation(parent.correlation_id)
    }

    /// Makes it a consequence of the message that a saga was started for, and a part of its trace, if there are any.
    pub(crate) fn started_by(mut self, message: Option<MessageId>, traceparent: Option<&SmolStr>) -> Self {
        self.message.causation_id = message;
        self.message.traceparent = traceparent.cloned();
        self
    }

    /// The W3C trace context that it carries.
    pub fn traceparent(mut self, traceparent: impl Into<SmolStr>) -> Self {
        self.message.traceparent = Some(traceparent.into());
        self
    }

    /// Holds it back until a moment, by the clock of the store whose outbox it is staged to. It then has no place in the order
    /// of its key: see [`Schedule`].
    pub fn not_before(mut self, moment: Timestamp) -> Self {
        self.message.schedule.not_before = Some(moment);
        self
    }

    /// Makes it of no use from a moment on, by the clocks of those who publish and who handle it: see [`Schedule`].
    pub fn expires(mut self, moment: Timestamp) -> Self {
        self.message.schedule.expires = Some(moment);
        self
    }

    /// A header of your own, such as a tenant: it travels with the message and is not looked at. A second one of the same
    /// name takes its place.
    ///
    /// # Errors
    /// [`HeaderError`] if this name can't be one of an attribute of CloudEvents, or the value holds a control character.
    pub fn header(mut self, name: impl Into<SmolStr>, value: impl Into<SmolStr>) -> Result<Self, HeaderError> {
        self.message.headers.insert(name, value)?;
        Ok(self)
    }

    /// A payload in JSON.
    ///
    /// # Errors
    /// [`EncodeError`] if it has no JSON form.
    pub fn json<T: Serialize + ?Sized>(mut self, payload: &T) -> Result<Self, EncodeError> {
        self.message.data = to_json(&self.message.kind, payload)?;
        Ok(self)
    }

    /// A payload that is encoded already.
    pub fn data(mut self, content_type: impl Into<SmolStr>, data: Bytes) -> Self {
        self.message.content_type = content_type.into();
        self.message.data = data;
        self
    }

    /// A message that follows from something that has an id: building it again gives the same id, so that staging it
    /// twice is noticed. `parts` tell it apart from whatever else follows from `parent`.
    pub fn derive(self, parent: Uuid, parts: &[&str], time: Timestamp) -> Message {
        self.finish(ids::derive(parent, parts), time)
    }

    /// A message with an id of your own, for example one that somebody else has drawn. It must be another for each message
    /// of all sources: consumers tell duplicates by it.
    pub fn build(self, id: MessageId, time: Timestamp) -> Message {
        self.finish(id.0, time)
    }

    pub(crate) fn finish(mut self, id: Uuid, time: Timestamp) -> Message {
        self.message.id = MessageId(id);
        self.message.time = time;
        if !self.correlated {
            self.message.correlation_id = id;
        }
        Causation::current(|cause| {
            if !self.correlated {
                self.message.correlation_id = cause.correlation_id;
            }
            let message = &mut self.message;
            message.causation_id.get_or_insert(cause.message);
            if message.traceparent.is_none() {
                message.traceparent.clone_from(&cause.traceparent);
            }
        });
        self.message
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parent() -> Message {
        MessageBuilder::new("orders", "order.placed", "order-1")
            .traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
            .derive(Uuid::from_u128(1), &["place"], Timestamp::from_micros(5))
    }

    #[test]
    fn a_payload_does_not_override_an_envelope_field() {
        let payload = json!({ "id": "x", "source": "x", "type": "x", "subject": "x", "partitionkey": "x" });
        let message = MessageBuilder::new("orders", "order.placed", "order-1").json(&payload).unwrap().derive(
            Uuid::from_u128(1),
            &["place"],
            Timestamp::from_micros(5),
        );
        assert_eq!(Message { data: Bytes::new(), ..message.clone() }, Message { traceparent: None, ..parent() });
        assert_eq!(message.data, serde_json::to_vec(&payload).unwrap());
    }

    #[test]
    fn a_first_message_correlates_with_itself_and_a_consequence_with_its_cause() {
        let parent = parent();
        assert_eq!(parent.correlation_id, parent.id.0);
        let child = MessageBuilder::new("shipping", "shipment.created", "shipment-1").caused_by(&parent).derive(
            parent.id.0,
            &["ship"],
            Timestamp::EPOCH,
        );
        assert_eq!(child.correlation_id, parent.correlation_id);
        assert_eq!(child.causation_id, Some(parent.id));
        assert_eq!(child.traceparent, parent.traceparent);
    }

    #[tokio::test]
    async fn a_message_that_is_built_while_another_one_is_handled_is_its_consequence_unless_it_says_otherwise() {
        let parent = parent();
        let build = |builder: MessageBuilder| builder.derive(Uuid::from_u128(9), &["next"], Timestamp::EPOCH);
        let bare = MessageBuilder::new("shipping", "shipment.created", "shipment-1");
        let handling = async {
            tokio::task::yield_now().await;
            let other = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let own = bare.clone().correlation(Uuid::from_u128(3)).traceparent(other);
            (build(bare.clone()), build(own))
        };
        let (implied, own) = Causation::from_message(&parent).within(std::pin::pin!(handling)).await;
        assert_eq!(implied, build(bare.clone().caused_by(&parent)));
        assert_eq!((own.correlation_id, own.causation_id), (Uuid::from_u128(3), Some(parent.id)));
        assert_ne!(own.traceparent, parent.traceparent);
        // Afterwards nothing is a consequence of it any more.
        assert_eq!((build(bare.clone()).causation_id, build(bare).traceparent), (None, None));
    }

    #[test]
    fn a_derived_message_has_the_same_id_each_time_and_another_for_other_parts() {
        let build = |part: &str| {
            MessageBuilder::new("orders", "order.split", "order-1").derive(
                Uuid::from_u128(9),
                &[part],
                Timestamp::EPOCH,
            )
        };
        assert_eq!(build("1").id, build("1").id);
        assert_ne!(build("1").id, build("2").id);
    }

    #[test]
    fn a_message_takes_an_id_and_headers_of_ones_own() {
        let id = MessageId(Uuid::from_u128(42));
        let builder = MessageBuilder::new("orders", "order.placed", "order-1");
        let message = builder.clone().header("tenant", "north").unwrap().build(id, Timestamp::from_micros(5));
        assert_eq!((message.id, message.correlation_id, message.time), (id, id.0, Timestamp::from_micros(5)));
        assert_eq!(message.headers.get("tenant"), Some("north"));
        assert!(builder.header("Tenant", "north").is_err());
    }

    #[test]
    fn a_payload_without_a_json_form_is_an_error_that_names_the_type() {
        let payload = std::collections::BTreeMap::from([((1, 2), 3)]);
        let error = MessageBuilder::new("orders", "order.placed", "order-1").json(&payload).unwrap_err();
        assert_eq!(error.kind, "order.placed");
    }
}
