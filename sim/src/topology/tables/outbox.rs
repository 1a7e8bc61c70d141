use super::{Column, Place};

/// An outbox of the service's own: each row is a message that is to be published under the row's id.
///
/// A new row is told as a staged message, and as dispatched once it is [sent](OutboxTable::sent) or deleted. What the
/// broker gets must carry the row's id as its message id.
#[derive(Clone, Debug)]
pub struct OutboxTable {
    pub(crate) place: Place,
    pub(crate) id: Column,
    pub(crate) topic: Column,
    pub(crate) kind: Option<Column>,
    pub(crate) subject: Option<Column>,
    pub(crate) key: Column,
    pub(crate) order: Option<Column>,
    pub(crate) sent: Column,
    pub(crate) dead: Option<Column>,
}

impl OutboxTable {
    /// A table of a store. The columns are `id`, `topic`, `key` and `sent_at` where nothing else is said.
    pub fn sql(store: &str, table: &str) -> Self {
        Self::at(Place::sql(store, table))
    }

    /// A collection of documents in JSON. The fields are `id`, `topic`, `key` and `sent_at` where nothing else is said.
    pub fn documents(store: &str, collection: &str) -> Self {
        Self::at(Place::documents(store, collection))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            id: "id".into(),
            topic: "topic".into(),
            kind: None,
            subject: None,
            key: "key".into(),
            order: None,
            sent: "sent_at".into(),
            dead: None,
        }
    }

    /// The message's id: a UUID as a text or as 16 bytes.
    #[must_use]
    pub fn id(mut self, column: impl Into<Column>) -> Self {
        self.id = column.into();
        self
    }

    /// The topic to which it is published; see [`Column::always`].
    #[must_use]
    pub fn topic(mut self, column: impl Into<Column>) -> Self {
        self.topic = column.into();
        self
    }

    /// The message's type; the topic if not said.
    #[must_use]
    pub fn kind(mut self, column: impl Into<Column>) -> Self {
        self.kind = Some(column.into());
        self
    }

    /// Sets the subject of the message; the key if not said.
    #[must_use]
    pub fn subject(mut self, column: impl Into<Column>) -> Self {
        self.subject = Some(column.into());
        self
    }

    /// The key whose messages are to be handled in the order in which their rows were committed.
    #[must_use]
    pub fn key(mut self, column: impl Into<Column>) -> Self {
        self.key = column.into();
        self
    }

    /// The order of rows that one transaction committed; that in which they were written if not said.
    #[must_use]
    pub fn order(mut self, column: impl Into<Column>) -> Self {
        self.order = Some(column.into());
        self
    }

    /// Sets the sign that the row was published: anything but no value, zero, an empty text and `false`.
    #[must_use]
    pub fn sent(mut self, column: impl Into<Column>) -> Self {
        self.sent = column.into();
        self
    }

    /// Sets the sign that the row was given up, which is its reason: anything but no value, zero, an empty text and
    /// `false`.
    #[must_use]
    pub fn dead(mut self, column: impl Into<Column>) -> Self {
        self.dead = Some(column.into());
        self
    }
}
