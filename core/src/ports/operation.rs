//! Every method of every port as an entry of one table, and a call of one as a value.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::{
    AcquireRequest, ClaimRequest, DeadLetterRequest, DeadRowRequest, DeliveryTag, EventAppend, Expected, ExternalCall,
    IdRange, InboxEntry, InboxPurgeRequest, NewSaga, OperationRecord, PurgeRequest, RepublishRequest, SagaAppend,
    SagaListRequest, SagaSignal, Settlement, SubscriptionSpec, TailRequest, WhenDead,
};
use crate::{
    ids::{ClaimToken, MessageId, OperationId, SagaId},
    message::Message,
};

/// Port that an [`Operation`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Port {
    /// [`Store`](super::Store), outside a transaction.
    Store,
    /// [`Transaction`](super::Transaction), from its first statement to its commit.
    Transaction,
    /// [`Broker`](super::Broker) and [`Subscription`](super::Subscription).
    Broker,
    /// External participants, see [`External`](super::External).
    External,
    /// [`Ingress`](super::Ingress), with the [`Response`](super::Response) to each request.
    Ingress,
}

macro_rules! operations {
    ($($port:ident { $($variant:ident $name:literal $changes:literal $({ $($field:ident : $type:ty),* })? on $subject:expr;)* })*) => {
        /// A method of a port: where a process touches the world. Clock, randomness and tasks are the process's own, so
        /// they are none.
        ///
        /// ```
        /// use seaworthy_core::ports::{Operation, Port};
        ///
        /// assert_eq!(Operation::SagaAppend.name(), "saga_append");
        /// assert_eq!(Operation::SagaAppend.port(), Port::Transaction);
        /// assert!(!Operation::Tail.changes_something());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is the method of its name, which says what it does")]
        pub enum Operation { $($($variant,)*)* }

        impl Operation {
            /// Every operation, in the order of their declaration: the ports one after the other, and then what came later, so
            /// that the others keep their places.
            pub const ALL: &[Self] = &[$($(Self::$variant,)*)*];

            /// The method's name. [`Transaction::now`](super::Transaction::now) has a word more, so that no two are alike;
            /// a statement is a user's own, for which the
            /// [connection](super::Transaction::raw_connection) is lent.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)*)* }
            }

            /// Returns the port that it belongs to.
            pub const fn port(self) -> Port {
                match self { $($(Self::$variant => Port::$port,)*)* }
            }

            /// Returns `true` if it may change something that others see, now or at the commit of its transaction.
            pub const fn changes_something(self) -> bool {
                match self { $($(Self::$variant => $changes,)*)* }
            }
        }

        /// A call of a port's method, with what it was called with.
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the arguments of the method of the same name")]
        pub enum Call<'a> { $($($variant $({ $($field: $type),* })?,)*)* }

        impl<'a> Call<'a> {
            /// Returns the method that is called.
            pub const fn operation(&self) -> Operation {
                match self { $($(Self::$variant { .. } => Operation::$variant,)*)* }
            }

            /// Returns the subject of the call: a collection, a topic, a consumer, the name of a definition or a
            /// service.
            #[expect(unused_variables, reason = "not every subject is among the arguments")]
            pub fn subject(&self) -> &'a str {
                match *self { $($(Self::$variant $({ $($field),* })? => $subject,)*)* }
            }
        }
    };
}

operations! {
    Store {
        Begin "begin" false on "";
        Claim "claim" true { request: &'a ClaimRequest } on "outbox";
        Settle "settle" true { token: ClaimToken, settlements: &'a [Settlement] } on "outbox";
        Tail "tail" false { request: &'a TailRequest } on "outbox";
        DeadRows "dead_rows" false { request: &'a DeadRowRequest } on "outbox";
        Redrive "redrive" true { request: &'a DeadRowRequest } on "outbox";
        PurgeDispatched "purge_dispatched" true { request: &'a PurgeRequest } on "outbox";
        PurgeDead "purge_dead" true { request: &'a DeadRowRequest } on "outbox";
        NextAvailable "next_available" false on "outbox";
        DeadLetters "dead_letters" false { request: &'a DeadLetterRequest } on &request.consumer;
        PurgeInbox "purge_inbox" true { consumer: &'a str, request: &'a InboxPurgeRequest } on consumer;
        AcquireSagas "acquire_sagas" true { request: &'a AcquireRequest } on "sagas";
        RenewSaga "renew_saga" true { saga: SagaId, epoch: u64, lease: Duration } on "sagas";
        Saga "saga" false { saga: SagaId } on "sagas";
        SagaByKey "saga_by_key" false { definition: &'a str, key: &'a str } on definition;
        Sagas "sagas" false { request: &'a SagaListRequest } on "sagas";
        SagaLog "saga_log" false { saga: SagaId, after: u64, limit: usize } on "sagas";
        PurgeSagaLogs "purge_saga_logs" true { request: &'a PurgeRequest } on "sagas";
        Backlog "backlog" false on "";
        Census "census" false on "";
        Now "now" false on "clock";
    }
    Transaction {
        Get "get" false { collection: &'a str, id: &'a str } on collection;
        Scan "scan" false { collection: &'a str, after: Option<&'a str>, limit: usize } on collection;
        ScanRange "scan_range" false { collection: &'a str, range: &'a IdRange, limit: usize } on collection;
        Put "put" true { collection: &'a str, id: &'a str, expected: Expected, body: &'a Bytes } on collection;
        PutIf "put_if" true { collection: &'a str, id: &'a str, expected: Expected, body: &'a Bytes } on collection;
        Delete "delete" true { collection: &'a str, id: &'a str, expected: Expected } on collection;
        DeleteRange "delete_range" true { collection: &'a str, range: &'a IdRange, limit: usize } on collection;
        Stage "stage" true { message: &'a Message } on &message.topic;
        OutboxDispatched "outbox_dispatched" true { messages: &'a [MessageId] } on "outbox";
        OutboxBury "outbox_bury" true { message: MessageId, reason: &'a str } on "outbox";
        OutboxSettledTo "outbox_settled_to" false { when_dead: WhenDead } on "outbox";
        InboxInsert "inbox_insert" true { entry: &'a InboxEntry } on &entry.consumer;
        InboxFailed "inbox_failed" true { entry: &'a InboxEntry, error: &'a str } on &entry.consumer;
        InboxBury "inbox_bury" true { entry: &'a InboxEntry, message: &'a Message, reason: &'a str } on &entry.consumer;
        InboxExhume "inbox_exhume" true { entry: &'a InboxEntry } on &entry.consumer;
        SagaCreate "saga_create" true { saga: &'a NewSaga } on &saga.definition.name;
        SagaAppend "saga_append" true { append: &'a SagaAppend } on "log";
        SagaSignal "saga_signal" true { signal: &'a SagaSignal } on "log";
        Operation "operation" false { id: OperationId } on "operations";
        PutOperation "put_operation" true { record: &'a OperationRecord } on "operations";
        Checkpoint "checkpoint" false { consumer: &'a str } on "checkpoints";
        SetCheckpoint "set_checkpoint" true { consumer: &'a str, position: u64 } on "checkpoints";
        TransactionNow "transaction_now" false on "clock";
        Statement "statement" true { label: &'a str } on label;
        Commit "commit" true on "";
    }
    Broker {
        Publish "publish" true { batch: &'a [Message] } on batch.first().map_or("", |message| &message.topic);
        Subscribe "subscribe" true { spec: &'a SubscriptionSpec } on &spec.group;
        Receive "receive" false { group: &'a SmolStr, max: usize } on group;
        Ack "ack" true { group: &'a SmolStr, tag: DeliveryTag } on group;
        Nack "nack" true { group: &'a SmolStr, tag: DeliveryTag, delay: Duration } on group;
        Extend "extend" true { group: &'a SmolStr, tag: DeliveryTag, by: Duration } on group;
    }
    External {
        External "external" true { call: &'a ExternalCall } on &call.service;
    }
    Ingress {
        Request "request" false on "";
        Reply "reply" true on "";
    }
    Store {
        Republish "republish" true { request: &'a RepublishRequest } on "outbox";
        PurgeSagas "purge_sagas" true { request: &'a PurgeRequest } on "sagas";
        PurgeOperations "purge_operations" true { request: &'a PurgeRequest } on "operations";
        ReadEvents "read_events" false { after: u64, limit: usize } on "events";
        AskRedrive "ask_redrive" true { request: &'a DeadLetterRequest } on &request.consumer;
    }
    Transaction {
        AppendEvents "append_events" true { append: &'a EventAppend } on "events";
        ReadStream "read_stream" false { stream: &'a str, after: u64, limit: usize } on "events";
        StreamSnapshot "stream_snapshot" false { stream: &'a str } on "events";
        PutStreamSnapshot "put_stream_snapshot" true { stream: &'a str, version: u64, state: &'a Bytes } on "events";
        OutboxAttempt "outbox_attempt" true { message: MessageId, begins: bool } on "outbox";
    }
}

/// Hands a macro every method of a store's parts, with the call that it is: what passes calls on is made of this list.
macro_rules! store_methods {
    ($then:ident) => {
        $then! {
            OutboxStore {
                claim(request: &ClaimRequest) -> Vec<OutboxRow> = Claim { request };
                settle(token: ClaimToken, settlements: &[Settlement]) -> Vec<bool> = Settle { token, settlements };
                tail(request: &TailRequest) -> Vec<OutboxRow> = Tail { request };
                dead_rows(request: &DeadRowRequest) -> Vec<DeadRow> = DeadRows { request };
                redrive(request: &DeadRowRequest) -> Vec<MessageId> = Redrive { request };
                purge_dispatched(request: &PurgeRequest) -> Vec<MessageId> = PurgeDispatched { request };
                purge_dead(request: &DeadRowRequest) -> Vec<MessageId> = PurgeDead { request };
                republish(request: &RepublishRequest) -> Vec<MessageId> = Republish { request };
                next_available() -> Option<Timestamp> = NextAvailable {};
            }
            InboxStore {
                dead_letters(request: &DeadLetterRequest) -> Vec<DeadLetter> = DeadLetters { request };
                ask_redrive(request: &DeadLetterRequest) -> Vec<MessageId> = AskRedrive { request };
                purge_inbox(consumer: &str, request: &InboxPurgeRequest) -> u64 = PurgeInbox { consumer, request };
            }
            SagaStore {
                acquire_sagas(request: &AcquireRequest) -> Vec<SagaInstance> = AcquireSagas { request };
                renew_saga(saga: SagaId, epoch: u64, lease: Duration) -> bool = RenewSaga { saga, epoch, lease };
                saga(id: SagaId) -> Option<SagaInstance> = Saga { saga: id };
                saga_by_key(definition: &str, key: &str) -> Option<SagaInstance> = SagaByKey { definition, key };
                sagas(request: &SagaListRequest) -> Vec<ListedSaga> = Sagas { request };
                saga_log(id: SagaId, after: u64, limit: usize) -> Vec<LogEntry> = SagaLog { saga: id, after, limit };
                purge_saga_logs(request: &PurgeRequest) -> u64 = PurgeSagaLogs { request };
                purge_sagas(request: &PurgeRequest) -> u64 = PurgeSagas { request };
            }
            OperationStore {
                purge_operations(request: &PurgeRequest) -> u64 = PurgeOperations { request };
            }
            EventStore {
                read_events(after: u64, limit: usize) -> Vec<RecordedEvent> = ReadEvents { after, limit };
            }
        }
    };
}
pub(crate) use store_methods;

/// The same for the statements of a transaction's parts. A call borrows what a statement takes.
macro_rules! transaction_methods {
    ($then:ident) => {
        $then! {
            Documents {
                get(collection: &str, id: &str) -> Option<Document> = Get { collection, id };
                scan(collection: &str, after: Option<&str>, limit: usize) -> Vec<(SmolStr, Document)>
                    = Scan { collection, after, limit };
                scan_range(collection: &str, range: &IdRange, limit: usize) -> Vec<(SmolStr, Document)>
                    = ScanRange { collection, range, limit };
                put(collection: &str, id: &str, expected: Expected, body: Bytes) -> u64
                    = Put { collection, id, expected, body: &body.clone() };
                put_if(collection: &str, id: &str, expected: Expected, body: Bytes) -> Option<u64>
                    = PutIf { collection, id, expected, body: &body.clone() };
                delete(collection: &str, id: &str, expected: Expected) -> () = Delete { collection, id, expected };
                delete_range(collection: &str, range: &IdRange, limit: usize) -> Vec<SmolStr>
                    = DeleteRange { collection, range, limit };
            }
            OutboxWrites {
                stage(message: &Message) -> () = Stage { message };
                outbox_dispatched(messages: &[MessageId]) -> Vec<bool> = OutboxDispatched { messages };
                outbox_bury(message: MessageId, reason: &str) -> bool = OutboxBury { message, reason };
                outbox_attempt(message: MessageId, begins: bool) -> bool = OutboxAttempt { message, begins };
                outbox_settled_to(when_dead: WhenDead) -> u64 = OutboxSettledTo { when_dead };
            }
            InboxWrites {
                inbox_insert(entry: &InboxEntry) -> InboxInsert = InboxInsert { entry };
                inbox_failed(entry: &InboxEntry, error: &str) -> u32 = InboxFailed { entry, error };
                inbox_bury(entry: &InboxEntry, message: &Message, reason: &str) -> ()
                    = InboxBury { entry, message, reason };
                inbox_exhume(entry: &InboxEntry) -> bool = InboxExhume { entry };
            }
            SagaWrites {
                saga_create(saga: &NewSaga) -> SagaCreate = SagaCreate { saga };
                saga_append(append: &SagaAppend) -> () = SagaAppend { append };
                saga_signal(signal: &SagaSignal) -> Vec<SagaInstance> = SagaSignal { signal };
            }
            Participants {
                operation(id: OperationId) -> Option<OperationState> = Operation { id };
                put_operation(record: &OperationRecord) -> () = PutOperation { record };
            }
            Checkpoints {
                checkpoint(consumer: &str) -> Option<u64> = Checkpoint { consumer };
                set_checkpoint(consumer: &str, position: u64) -> () = SetCheckpoint { consumer, position };
            }
            EventWrites {
                append_events(append: &EventAppend) -> Appended = AppendEvents { append };
                read_stream(stream: &str, after: u64, limit: usize) -> Vec<RecordedEvent>
                    = ReadStream { stream, after, limit };
                stream_snapshot(stream: &str) -> Option<StreamSnapshot> = StreamSnapshot { stream };
                put_stream_snapshot(stream: &str, version: u64, state: Bytes) -> bool
                    = PutStreamSnapshot { stream, version, state: &state.clone() };
            }
        }
    };
}
pub(crate) use transaction_methods;

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_operations_have_one_name_and_each_is_written_as_it_is_called() {
        let names: BTreeSet<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
        assert_eq!(names.len(), Operation::ALL.len());
        for operation in Operation::ALL {
            let written = serde_json::to_string(operation).expect("a name");
            assert_eq!(written, format!("{:?}", operation.name()));
        }
    }
}
