//! Logs written by hand, and what those who know nothing but a log make of it.

use std::time::Duration;

use seaworthy_core::{
    ids::{Direction, SagaId},
    ports::{FailureKind, NewSaga, Operation, SagaAppend, SagaListRequest, SagaStatus, Timestamp},
    saga::{
        self, ActionState, AttemptFailure, Attempts, CompensationCause, CompensationState, Definition, DriveOutcome,
        Orchestrator, OrchestratorConfig, Record, Registry, SagaBuilder, SagaOutcome, SagaRequest, StepState,
        StepSummary, Summary, Value, Verb, saga_id,
    },
};
use uuid::Uuid;

use crate::support::{
    World,
    calls::{Calls, Fate},
    on_each_store,
    saga::Part,
};

fn definition() -> Definition<u32> {
    SagaBuilder::new("trip", 1)
        .compensatable("seat", Part::well(), Part::well())
        .pivot("pay", Part::well())
        .build()
        .unwrap()
}

/// Has the log of the saga of a key be what the records say, after its start. Nothing is kept of how it came to rest.
async fn write(world: &World, key: &str, records: &[Record], status: SagaStatus) -> SagaId {
    let id = saga_id("trip", key);
    let mut tx = world.ports.store.begin().await.unwrap();
    tx.saga_create(&NewSaga {
        id,
        definition: definition().shape().definition.clone(),
        key: key.into(),
        input: "1".into(),
        correlation_id: Uuid::nil(),
        lease: Duration::ZERO,
    })
    .await
    .unwrap();
    let started = Record::Started { deadline_us: None, traceparent: None };
    let append = SagaAppend {
        saga: id,
        epoch: 1,
        expected_length: 0,
        records: [&started].into_iter().chain(records).map(Record::encode).collect(),
        status,
        lease: Duration::ZERO,
        sleep: Duration::ZERO,
        definition: None,
        forgets: false,
        keys: Vec::new(),
        outcome: None,
    };
    tx.saga_append(&append).await.unwrap();
    tx.commit().await.unwrap();
    id
}

fn failed(direction: Direction) -> Record {
    let (step, failure, error) = ("pay".into(), AttemptFailure::Transient, "down".into());
    Record::Retry { step, direction, attempt: 1, failure, delay_us: 1_000_000, error, panicked: false, own: false }
}

fn stuck() -> Record {
    Record::Stuck { reason: "nobody knows".into() }
}

fn asked(verb: Verb) -> Record {
    Record::Requested(SagaRequest::new(verb, "ops"))
}

fn signalled(name: &str) -> Record {
    Record::Signalled { name: name.into(), id: "1".into(), key: None, payload: Value::NULL }
}

fn waiting(signal: Option<&str>) -> Record {
    Record::Waiting { step: "pay".into(), signal: signal.map(Into::into), limit_us: None, until: None, key: None }
}

/// A step of which nothing has begun.
fn fresh() -> StepState {
    let none = Attempts { last: 0, spent: 0, since: None, not_before: None, lost: 0, panicked: false, own: 0 };
    StepState {
        action: ActionState::Pending,
        compensation: CompensationState::Pending,
        forward: none,
        backward: none,
        asking: false,
        unknown: false,
        waiting: None,
        key: None,
        signal: None,
        output: Value::NULL,
        error: None,
    }
}

/// A log that begins with what it came to: the seat is done, and this is the state of the payment.
fn condensed(cause: Option<CompensationCause>, seat: StepState, pay: StepState) -> Record {
    let step = |path: &str, state| StepSummary { path: path.into(), first_name: None, awaits: None, state };
    let steps = vec![step("seat", seat), step("pay", pay)];
    Record::Condensed {
        summary: Box::new(Summary { origin: None, traceparent: None, cause, deadline: None, signals: vec![], steps }),
    }
}

fn done() -> StepState {
    let forward = Attempts { last: 1, ..fresh().forward };
    StepState { action: ActionState::Done, forward, asking: true, ..fresh() }
}

fn tried(direction: Direction, again: bool) -> StepState {
    let not_before = again.then_some(Timestamp::from_millis(5_000));
    let attempts = Attempts { last: 3, not_before, ..fresh().forward };
    let (error, asking) = (again.then(|| "down".into()), !again);
    match direction {
        Direction::Action => StepState { forward: attempts, error, asking, ..fresh() },
        Direction::Compensation => StepState { backward: attempts, error, asking, ..done() },
    }
}

#[test]
fn what_a_saga_waits_for_is_what_its_last_entries_say() {
    use SagaStatus::{Compensating, Running, Stuck};
    let back = Some(CompensationCause::Cancelled);
    let cases: Vec<(Vec<Record>, SagaStatus, &str, Option<&str>)> = vec![
        (
            vec![Record::Attempting { step: "pay".into(), attempt: 2 }],
            Running,
            "the end of attempt 2 of step `pay`",
            Some("pay"),
        ),
        (vec![failed(Direction::Action)], Running, "attempt 2 of step `pay`: down", Some("pay")),
        (
            vec![failed(Direction::Compensation)],
            Compensating,
            "attempt 2 of the compensation of step `pay`: down",
            Some("pay"),
        ),
        (vec![waiting(None)], Running, "its moment, at step `pay`", Some("pay")),
        (vec![waiting(Some("approval"))], Running, "`approval`, at step `pay`", Some("pay")),
        (vec![waiting(Some("approval")), signalled("other")], Running, "`approval`, at step `pay`", Some("pay")),
        (vec![waiting(Some("approval")), signalled("approval")], Running, "a process", None),
        (
            vec![Record::LeftToNewer { newest: 3 }],
            Running,
            "a release that knows its version: others know up to 3",
            None,
        ),
        (vec![failed(Direction::Action), stuck()], Stuck, "an operator: nobody knows", Some("pay")),
        (
            vec![Record::Rejected { step: "seat".into(), reason: "no".into(), maybe_executed: false }, stuck()],
            Stuck,
            "an operator: nobody knows",
            Some("seat"),
        ),
        (
            vec![Record::CompensationExhausted { step: "seat".into(), error: "down".into() }, stuck()],
            Stuck,
            "an operator: nobody knows",
            Some("seat"),
        ),
        (vec![stuck(), asked(Verb::Resume)], Stuck, "an operator: nobody knows", None),
        (vec![asked(Verb::Cancel)], Running, "an answer to: cancel, asked for by ops", None),
        (vec![asked(Verb::Cancel), Record::Granted], Running, "a process", None),
        (
            vec![asked(Verb::Resume), asked(Verb::Cancel), Record::Declined { reason: "no".into() }],
            Running,
            "an answer to: cancel, asked for by ops",
            None,
        ),
        (
            vec![condensed(None, done(), tried(Direction::Action, true))],
            Running,
            "attempt 4 of step `pay`: down",
            Some("pay"),
        ),
        (
            vec![condensed(None, done(), tried(Direction::Action, false))],
            Running,
            "the end of attempt 3 of step `pay`",
            Some("pay"),
        ),
        (vec![condensed(None, done(), fresh())], Running, "a process", None),
        (
            vec![condensed(back, tried(Direction::Compensation, true), fresh())],
            Compensating,
            "attempt 4 of the compensation of step `seat`: down",
            Some("seat"),
        ),
        (
            vec![condensed(back, tried(Direction::Compensation, false), tried(Direction::Action, true))],
            Compensating,
            "the end of attempt 3 of step `seat`",
            Some("seat"),
        ),
    ];
    on_each_store(async |world| {
        for (number, (records, status, text, step)) in cases.iter().enumerate() {
            let saga = write(world, &number.to_string(), records, *status).await;
            let account = saga::account(&*world.ports.store, saga).await.unwrap();
            let told = (account.waits_for.to_string(), account.waits_for.step().map(ToString::to_string));
            assert!(told.0.starts_with(text), "{told:?} for {records:?}");
            assert_eq!(told.1.as_deref(), *step, "{told:?} for {records:?}");
        }
    });
}

fn orchestrator(world: &World, log_page: usize) -> Orchestrator {
    let mut registry = Registry::new();
    registry.register(definition()).unwrap();
    Orchestrator::new(&world.ports, registry, OrchestratorConfig::default().log_page(log_page))
}

/// A release of some time ago kept nothing of it.
#[test]
fn the_rest_to_which_a_saga_has_come_is_read_from_its_log_where_it_was_not_kept_however_small_the_pages() {
    let rejected = Record::Rejected { step: "seat".into(), reason: "no".into(), maybe_executed: false };
    let begun = |cause| Record::CompensationBegun { cause };
    let cases = [
        (
            vec![rejected, begun(CompensationCause::Rejected), Record::RolledBack],
            SagaOutcome::Compensated {
                cause: Some(CompensationCause::Rejected),
                reason: Some("step `seat`: no".into()),
            },
        ),
        (
            vec![begun(CompensationCause::Cancelled), Record::RolledBack],
            SagaOutcome::Compensated { cause: Some(CompensationCause::Cancelled), reason: None },
        ),
        (
            vec![stuck(), Record::Abandoned { reason: "too old".into() }],
            SagaOutcome::Abandoned { reason: "too old".into() },
        ),
        (vec![failed(Direction::Action), stuck()], SagaOutcome::Stuck { reason: "nobody knows".into() }),
        (vec![Record::Completed], SagaOutcome::Completed { result: Value::NULL, error: None }),
    ];
    on_each_store(async |world| {
        for (number, (records, expected)) in cases.iter().enumerate() {
            let saga = write(world, &number.to_string(), records, expected.status()).await;
            for log_page in 1..6 {
                let outcome = orchestrator(world, log_page).handle(saga).outcome().await;
                assert_eq!(outcome.as_ref(), Ok(expected), "{records:?}, pages of {log_page}");
            }
        }
    });
}

/// Its owner has gone without a word in the midst of undoing; the store makes difficulties once the next attempt is announced.
#[test]
fn an_attempt_that_follows_a_crash_is_announced_once_however_often_it_has_to_begin_anew() {
    on_each_store(async |world| {
        let rejected = Record::Rejected { step: "pay".into(), reason: "no".into(), maybe_executed: false };
        let announced = Record::Announced { step: "seat".into(), direction: Direction::Compensation, attempt: 1 };
        let records = [
            Record::Done { step: "seat".into(), output: Value::NULL },
            rejected,
            Record::CompensationBegun { cause: CompensationCause::Rejected },
            announced,
        ];
        let saga = write(world, "t-1", &records, SagaStatus::Compensating).await;
        let (_, ports) = Calls::before(&world.ports, |operation, number| match operation {
            Operation::Begin if number == 2 || number == 3 => Fate::Fails(FailureKind::Unavailable),
            _ => Fate::Well,
        });
        let mut registry = Registry::new();
        registry.register(definition()).unwrap();
        let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
        assert_eq!(orchestrator.drive(saga).await, Ok(DriveOutcome::Compensated));
        let log = world.log_of(saga).await;
        assert_eq!(log[4..], ["announced seat", "announced seat", "compensated seat", "rolled_back"]);
    });
}

/// Its definition says what the result is, also of a log in which nothing of it was kept.
#[test]
fn the_result_of_a_saga_is_made_from_its_log_where_it_was_not_kept() {
    on_each_store(async |world| {
        let mut registry = Registry::new();
        let paid = SagaBuilder::new("trip", 1)
            .compensatable("seat", Part::well(), Part::well())
            .pivot("pay", Part::well())
            .result_of("pay");
        registry.register(paid.build().unwrap()).unwrap();
        let orchestrator = Orchestrator::new(&world.ports, registry, OrchestratorConfig::default());
        let done = |step: &str, output| Record::Done { step: step.into(), output };
        let receipt = Value::new("receipt 7").unwrap();
        let records = [done("seat", Value::NULL), done("pay", receipt.clone()), Record::Completed];
        let saga = write(world, "paid", &records, SagaStatus::Completed).await;
        let outcome = orchestrator.handle(saga).outcome().await;
        assert_eq!(outcome, Ok(SagaOutcome::Completed { result: receipt, error: None }));
    });
}

/// Pages of a hundred entries: one that is full is not the last, also if nothing comes after it.
#[test]
fn a_long_log_is_read_to_its_end() {
    on_each_store(async |world| {
        for entries in [99, 100, 101, 250] {
            let records: Vec<_> = (2..entries).map(|_| Record::TakenUp).chain([stuck()]).collect();
            let saga = write(world, &entries.to_string(), &records, SagaStatus::Stuck).await;
            let account = saga::account(&*world.ports.store, saga).await.unwrap();
            assert_eq!(account.entries.len(), entries);
            assert!(account.waits_for.to_string().starts_with("an operator: nobody knows"));
        }
    });
}

/// Some of them are listed on the first page and some on the second.
#[test]
fn all_that_are_stuck_are_resumed_up_to_the_limit_whichever_statuses_were_asked_for() {
    on_each_store(async |world| {
        for number in 0..120 {
            write(world, &number.to_string(), &[stuck()], SagaStatus::Stuck).await;
        }
        write(world, "running", &[], SagaStatus::Running).await;
        let store = &*world.ports.store;
        for (limit, resumed) in [(7, 7), (105, 105), (1_000, 8)] {
            let which = SagaListRequest::new(limit).of_status(SagaStatus::Running);
            assert_eq!(saga::resume_stuck(store, &which, "ops").await.unwrap().len(), resumed);
        }
    });
}

/// A saga that has turned back in what its log was condensed to goes on backwards, and what was granted is asked for no
/// more.
#[test]
fn who_asks_for_something_by_the_log_alone_finds_what_stands_there_already() {
    use saga::Asked::{Needless, Waits, Written};
    let back = || condensed(Some(CompensationCause::Rejected), done(), fresh());
    let cases = [
        (vec![asked(Verb::Cancel)], SagaStatus::Running, Verb::Cancel, Waits),
        (
            vec![asked(Verb::Cancel), Record::Declined { reason: "no".into() }],
            SagaStatus::Running,
            Verb::Cancel,
            Written,
        ),
        (vec![asked(Verb::RetryNow), Record::Granted], SagaStatus::Running, Verb::RetryNow, Written),
        (vec![back()], SagaStatus::Compensating, Verb::Cancel, Needless),
        (vec![back(), stuck()], SagaStatus::Stuck, Verb::Resume, Written),
        (vec![], SagaStatus::Running, Verb::Resume, Needless),
    ];
    on_each_store(async |world| {
        for (number, (records, status, verb, expected)) in cases.iter().enumerate() {
            let saga = write(world, &number.to_string(), records, *status).await;
            let answer = saga::ask(&*world.ports.store, saga, &SagaRequest::new(verb.clone(), "ops")).await;
            assert_eq!(answer.as_ref(), Ok(expected), "{verb} after {records:?}");
            if *status == SagaStatus::Stuck {
                assert_eq!(world.status_of(saga).await, SagaStatus::Compensating, "it goes on where it was");
            }
        }
    });
}
