//! The tables of a file. Each is a map from keys to documents, or an index beside them.
//!
//! An index entry is a function of the document that it belongs to: documents are the truth, and whoever writes one writes its
//! entries (`indexed`).

use redb::TableDefinition;

pub(crate) type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

macro_rules! tables {
    ($($(#[$doc:meta])* $constant:ident $name:literal;)*) => {
        $($(#[$doc])* pub(crate) const $constant: Table = TableDefinition::new($name);)*

        /// The tables of a file, all of them.
        pub(crate) const ALL: &[Table] = &[$($constant,)*];
    };
}

tables! {
    /// Facts about the file, by name: `format`, `epoch`, `clock`.
    META "seaworthy_meta";
    /// Numbers by name: what was handed out last, and how many there are of what is not the length of a table.
    COUNTERS "seaworthy_counters";

    /// `collection, id`: documents of users.
    DOCUMENTS "seaworthy_documents";
    /// `consumer`: how far it has read.
    CHECKPOINTS "seaworthy_checkpoints";

    /// `operation`: operations of participants.
    OPERATIONS "seaworthy_operations";
    /// `time, operation`: all of them, the oldest first.
    OPERATIONS_BY_AGE "seaworthy_operations_by_age";

    /// `sequence`: messages as they were staged; they never change.
    OUTBOX_MESSAGES "seaworthy_outbox_messages";
    /// `sequence`: what has become of each message.
    OUTBOX "seaworthy_outbox";
    /// `message id`: its sequence.
    OUTBOX_IDS "seaworthy_outbox_ids";
    /// `lane, topic, moment, sequence`: open rows by the moment from which they may go out, `0` for at once.
    OUTBOX_DUE "seaworthy_outbox_due";
    /// `order key, state, sequence`: open rows and dead ones, with the moment of the former.
    OUTBOX_KEYS "seaworthy_outbox_keys";
    /// `1 if it waits for a moment of its own, sequence`: open rows.
    OUTBOX_OPEN "seaworthy_outbox_open";
    /// `moment, sequence`: open rows that their messages have put off.
    OUTBOX_MOMENTS "seaworthy_outbox_moments";
    /// `time of death, sequence`: dead rows.
    OUTBOX_DEAD "seaworthy_outbox_dead";
    /// `sequence`: dead rows.
    OUTBOX_DEAD_PLACES "seaworthy_outbox_dead_places";
    /// `time, sequence`: dispatched rows.
    OUTBOX_DISPATCHED "seaworthy_outbox_dispatched";

    /// `consumer, message id`: messages that were handled, have failed, or are dead.
    INBOX "seaworthy_inbox";
    /// `consumer, time, message id`: handled messages.
    INBOX_HANDLED "seaworthy_inbox_handled";
    /// `consumer, time of the last failure, message id`: messages that have only failed so far.
    INBOX_FAILED "seaworthy_inbox_failed";
    /// `number`: dead letters.
    LETTERS "seaworthy_dead_letters";
    /// `consumer, number`: dead letters.
    LETTERS_OF "seaworthy_dead_letters_of";
    /// `consumer, time of the last failure, number`: dead letters.
    LETTERS_BY_AGE "seaworthy_dead_letters_by_age";
    /// `consumer, number`: dead letters of which somebody asks that they be handled again.
    LETTERS_ASKED "seaworthy_dead_letters_asked";
    /// `consumer, source, epoch, key`: watermarks.
    WATERMARKS "seaworthy_watermarks";
    /// `consumer, time, source, epoch, key`: watermarks.
    WATERMARKS_BY_AGE "seaworthy_watermarks_by_age";

    /// `number`: sagas, whatever their status.
    SAGAS "seaworthy_sagas";
    /// `saga id`: its number.
    SAGA_IDS "seaworthy_saga_ids";
    /// `definition, business key`: the saga's number.
    SAGA_NAMES "seaworthy_saga_names";
    /// `correlation id, number`: sagas whose correlation id is not their own id.
    SAGAS_CORRELATED "seaworthy_sagas_correlated";
    /// `status, number`: all sagas.
    SAGAS_BY_STATUS "seaworthy_sagas_by_status";
    /// `status, since, number`: sagas that have not ended.
    SAGAS_SINCE "seaworthy_sagas_since";
    /// `definition, moment, number`: sagas under way, by when they may be acquired.
    SAGAS_DUE "seaworthy_sagas_due";
    /// `time, number`: sagas that have ended and have a log.
    SAGAS_ENDED "seaworthy_sagas_ended";
    /// `time, number`: sagas that have ended and have none.
    SAGAS_FORGOTTEN "seaworthy_sagas_forgotten";
    /// `saga's number, sequence`: entries of the logs.
    SAGA_LOG "seaworthy_saga_log";
    /// `definition, name, key, saga's number`: keys by which messages find sagas.
    SAGA_KEYS "seaworthy_saga_keys";
    /// `saga's number, name, key`: the same keys.
    SAGA_KEYS_OF "seaworthy_saga_keys_of";

    /// `position`: events; they never change.
    EVENTS "seaworthy_events";
    /// `event id`: its position.
    EVENT_IDS "seaworthy_event_ids";
    /// `stream, version`: the event's position.
    EVENT_STREAMS "seaworthy_event_streams";
    /// `stream`: snapshots, one of each at most.
    EVENT_SNAPSHOTS "seaworthy_event_snapshots";
}
