use super::{Column, Place};

/// An inbox of the service's own: each row is a message that a consumer has handled.
///
/// A new row is told as handled in the commit that writes it.
#[derive(Clone, Debug)]
pub struct InboxTable {
    pub(crate) place: Place,
    pub(crate) consumer: Column,
    pub(crate) message: Column,
    pub(crate) when: Option<Column>,
}

impl InboxTable {
    /// A table of a store. The columns are `consumer` and `message_id` where nothing else is said.
    pub fn sql(store: &str, table: &str) -> Self {
        Self::at(Place::sql(store, table))
    }

    /// A collection of documents in JSON. The fields are `consumer` and `message_id` where nothing else is said.
    pub fn documents(store: &str, collection: &str) -> Self {
        Self::at(Place::documents(store, collection))
    }

    fn at(place: Place) -> Self {
        Self { place, consumer: "consumer".into(), message: "message_id".into(), when: None }
    }

    /// Sets the consumer that handled it: the name of the consumer group; see [`Column::always`].
    #[must_use]
    pub fn consumer(mut self, column: impl Into<Column>) -> Self {
        self.consumer = column.into();
        self
    }

    /// The message's id: a UUID as a text or as 16 bytes.
    #[must_use]
    pub fn message(mut self, column: impl Into<Column>) -> Self {
        self.message = column.into();
        self
    }

    /// Sets the sign that it was handled, where a row alone does not yet say so: anything but no value, zero, an empty
    /// text and `false`.
    #[must_use]
    pub fn when(mut self, column: impl Into<Column>) -> Self {
        self.when = Some(column.into());
        self
    }
}
