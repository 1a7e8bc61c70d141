//! What may happen to a store, and how it is drawn.
//!
//! The alphabet is small on purpose: a handful of messages, keys, sagas and documents, so that actions meet.

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*};
use seaworthy_core::ports::{ExpectedVersion, OutboxOrder, SagaStatus, WhenDead};

/// One step of a history: something outside a transaction, or a whole transaction.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Advance(Duration),
    Transaction {
        statements: Vec<Statement>,
        commit: bool,
    },
    Claim {
        limit: usize,
        lease: Duration,
        ordering: OutboxOrder,
        when_dead: WhenDead,
    },
    /// Settles rows of an earlier claim, which may have lost them since.
    Settle {
        claim: usize,
        outcomes: Vec<(usize, Outcome)>,
    },
    Redrive {
        only: Option<Vec<u8>>,
        key: Option<u8>,
        limit: usize,
    },
    /// Reads the log.
    Tail {
        when_dead: WhenDead,
        limit: usize,
    },
    PurgeDispatched(Purge),
    PurgeDead(Purge),
    PurgeInbox {
        consumer: u8,
        purge: Purge,
    },
    Acquire {
        only: Option<u8>,
        definitions: Vec<u8>,
        limit: usize,
        lease: Duration,
    },
    Renew {
        saga: u8,
        epoch: u64,
        lease: Duration,
    },
    PurgeLogs(Purge),
}

/// `older_than` and `limit`.
pub(crate) type Purge = (Duration, usize);

/// What becomes of a row that was claimed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Dispatched,
    Retry(Duration),
    Release(Duration),
    Dead,
}

/// What a document's writer expects.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expectation {
    Absent,
    Version(u64),
    Any,
}

/// One step inside a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    /// Time passes.
    Pause(Duration),
    /// Somebody else looks at the store meanwhile, where it can be read beside its writer.
    Glance,
    Get(u8),
    Put(u8, Expectation),
    Delete(u8, Expectation),
    Scan {
        after: Option<u8>,
        limit: usize,
    },
    Stage(u8),
    /// A reader of the log settles what was published.
    MarkDispatched(Vec<u8>),
    /// A reader of the log gives up what was refused.
    MarkDead(u8),
    InboxInsert(u8, u8),
    InboxFailed(u8, u8),
    InboxBury(u8, u8),
    InboxExhume(u8, u8),
    SagaCreate {
        id: u8,
        definition: u8,
        key: u8,
        lease: Duration,
    },
    /// Appends at the saga's epoch and length, or a little off.
    SagaAppend {
        id: u8,
        off: (i8, i8),
        records: u8,
        status: SagaStatus,
        lease: Duration,
        sleep: Duration,
        /// Another version to pin it to, from 2 on; the last one forgets what came before, too.
        version: u8,
    },
    Operation(u8),
    PutOperation(u8, bool),
    Checkpoint(u8),
    SetCheckpoint(u8, u64),
    AppendEvents(u8, ExpectedVersion, Vec<u8>),
    ReadStream(u8, u64, usize),
    PutSnapshot(u8, u64),
}

pub(crate) const MESSAGES: u8 = 7;
pub(crate) const CONSUMERS: u8 = 2;
pub(crate) const SAGAS: u8 = 4;
pub(crate) const DEFINITIONS: u8 = 2;
pub(crate) const DOCUMENTS: u8 = 3;
pub(crate) const OPERATIONS: u8 = 2;
pub(crate) const STREAMS: u8 = 2;
/// Few for as many appends, so that ids come again.
const EVENTS: u8 = 24;

fn version_of_stream() -> impl Strategy<Value = ExpectedVersion> {
    prop_oneof![
        3 => Just(ExpectedVersion::Any),
        1 => Just(ExpectedVersion::NoStream),
        2 => (0..4_u64).prop_map(ExpectedVersion::Exact),
    ]
}

/// Times that are often equal to each other, so that "not yet" and "just now" both happen.
fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), Just(5), Just(10), Just(20)].prop_map(Duration::from_secs)
}

/// Mostly enough, sometimes short of what there is.
fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(100_usize), 1 => Just(2), 2 => Just(1), 1 => Just(0)]
}

fn purge() -> impl Strategy<Value = Purge> {
    (time(), limit())
}

fn ordering() -> impl Strategy<Value = OutboxOrder> {
    prop_oneof![3 => Just(OutboxOrder::PerKey), 1 => Just(OutboxOrder::Unordered)]
}

fn when_dead() -> impl Strategy<Value = WhenDead> {
    prop_oneof![Just(WhenDead::BlockKey), Just(WhenDead::SkipDead)]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Dispatched),
        time().prop_map(Outcome::Retry),
        time().prop_map(Outcome::Release),
        // A redrive has something to choose from only if several rows are dead at the same time.
        Just(Outcome::Dead),
        Just(Outcome::Dead)
    ]
}

fn expectation() -> impl Strategy<Value = Expectation> {
    prop_oneof![Just(Expectation::Absent), (0..3_u64).prop_map(Expectation::Version), Just(Expectation::Any)]
}

/// Mostly none.
fn version() -> impl Strategy<Value = u8> {
    prop_oneof![6 => Just(1), 1 => Just(2), 1 => Just(3)]
}

fn status() -> impl Strategy<Value = SagaStatus> {
    prop_oneof![
        3 => Just(SagaStatus::Running),
        1 => Just(SagaStatus::Compensating),
        1 => Just(SagaStatus::Stuck),
        2 => Just(SagaStatus::Completed),
        1 => Just(SagaStatus::Compensated),
        1 => Just(SagaStatus::Abandoned)
    ]
}

fn off() -> impl Strategy<Value = (i8, i8)> {
    prop_oneof![8 => Just((0, 0)), 1 => Just((-1, 0)), 1 => Just((1, 0)), 1 => Just((0, -1)), 1 => Just((0, 1))]
}

fn statement() -> impl Strategy<Value = Statement> {
    let document = || 0..DOCUMENTS;
    let message = || 0..MESSAGES;
    let consumer = || 0..CONSUMERS;
    let saga = || 0..SAGAS;
    let create = (saga(), 0..DEFINITIONS, 0..3_u8, time())
        .prop_map(|(id, definition, key, lease)| Statement::SagaCreate { id, definition, key, lease });
    let append = (saga(), off(), 0..3_u8, status(), time(), time(), version()).prop_map(
        |(id, off, records, status, lease, sleep, version)| Statement::SagaAppend {
            id,
            off,
            records,
            status,
            lease,
            sleep,
            version,
        },
    );
    prop_oneof![
        2 => time().prop_map(Statement::Pause),
        2 => Just(Statement::Glance),
        1 => document().prop_map(Statement::Get),
        3 => (document(), expectation()).prop_map(|(id, expected)| Statement::Put(id, expected)),
        1 => (document(), expectation()).prop_map(|(id, expected)| Statement::Delete(id, expected)),
        1 => (option::of(document()), limit()).prop_map(|(after, limit)| Statement::Scan { after, limit }),
        8 => message().prop_map(Statement::Stage),
        3 => vec(message(), 1..4).prop_map(Statement::MarkDispatched),
        2 => message().prop_map(Statement::MarkDead),
        6 => (consumer(), message()).prop_map(|(who, what)| Statement::InboxInsert(who, what)),
        4 => (consumer(), message()).prop_map(|(who, what)| Statement::InboxFailed(who, what)),
        3 => (consumer(), message()).prop_map(|(who, what)| Statement::InboxBury(who, what)),
        3 => (consumer(), message()).prop_map(|(who, what)| Statement::InboxExhume(who, what)),
        4 => create,
        6 => append,
        1 => (0..OPERATIONS).prop_map(Statement::Operation),
        2 => (0..OPERATIONS, any::<bool>()).prop_map(|(id, executed)| Statement::PutOperation(id, executed)),
        1 => consumer().prop_map(Statement::Checkpoint),
        2 => (consumer(), 0..4_u64).prop_map(|(who, position)| Statement::SetCheckpoint(who, position)),
        4 => (0..STREAMS, version_of_stream(), vec(0..EVENTS, 0..3))
            .prop_map(|(stream, expected, events)| Statement::AppendEvents(stream, expected, events)),
        1 => (0..STREAMS, 0..4_u64, limit()).prop_map(|(stream, after, limit)| Statement::ReadStream(stream, after, limit)),
        2 => (0..STREAMS, 0..4_u64).prop_map(|(stream, version)| Statement::PutSnapshot(stream, version)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let transaction = (vec(statement(), 1..6), prop_oneof![4 => Just(true), 1 => Just(false)])
        .prop_map(|(statements, commit)| Action::Transaction { statements, commit });
    let claim = (limit(), time(), ordering(), when_dead())
        .prop_map(|(limit, lease, ordering, when_dead)| Action::Claim { limit, lease, ordering, when_dead });
    let settle = (0..4_usize, vec((0..4_usize, outcome()), 1..4))
        .prop_map(|(claim, outcomes)| Action::Settle { claim, outcomes });
    // All of them, some, or each by its name: then a limit has something to choose from.
    let backwards: Vec<u8> = (0..MESSAGES).rev().collect();
    let only = prop_oneof![
        Just(None),
        vec(0..MESSAGES, 0..4).prop_map(Some),
        vec(0..MESSAGES, 4..8).prop_map(Some),
        Just(Some(backwards))
    ];
    let few = prop_oneof![1 => Just(0_usize), 3 => Just(1), 1 => Just(2), 1 => Just(100)];
    let key = prop_oneof![3 => Just(None), 1 => (0_u8..3).prop_map(Some)];
    let redrive = (only, key, few).prop_map(|(only, key, limit)| Action::Redrive { only, key, limit });
    let acquire = (option::of(0..SAGAS), vec(0..DEFINITIONS, 0..3), limit(), time())
        .prop_map(|(only, definitions, limit, lease)| Action::Acquire { only, definitions, limit, lease });
    prop_oneof![
        4 => time().prop_map(Action::Advance),
        10 => transaction,
        6 => claim,
        8 => settle,
        3 => redrive,
        2 => (when_dead(), limit()).prop_map(|(when_dead, limit)| Action::Tail { when_dead, limit }),
        1 => purge().prop_map(Action::PurgeDispatched),
        1 => purge().prop_map(Action::PurgeDead),
        3 => (0..CONSUMERS, purge()).prop_map(|(consumer, purge)| Action::PurgeInbox { consumer, purge }),
        3 => acquire,
        1 => (0..SAGAS, 0..4_u64, time()).prop_map(|(saga, epoch, lease)| Action::Renew { saga, epoch, lease }),
        2 => purge().prop_map(Action::PurgeLogs),
    ]
}

/// Histories of up to 60 actions: long enough for a row to be staged, claimed, buried, redriven and claimed again.
pub(crate) fn histories() -> impl Strategy<Value = Vec<Action>> {
    vec(action(), 1..60)
}
