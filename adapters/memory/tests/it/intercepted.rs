//! What an interceptor lets through keeps every promise of the port, and it sees every method of it by its name.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use seaworthy_core::{
    conformance::{self, BrokerSubject, StoreSubject, block_on},
    ports::{
        Answers, Broker, Call, Expected, FailureKind, Ingress, Intercept, InterceptTransaction, Intercepted, Operation,
        Port, PortError, Request, Response, Store, StoreError, Transaction,
    },
};
use seaworthy_memory::{
    ManualClock,
    broker::{BrokerConfig, MemoryBroker},
    store::MemoryStore,
};

/// Writes down which operations it has seen, and refuses one of them.
#[derive(Clone, Default)]
struct Witness {
    seen: Arc<Mutex<BTreeSet<Operation>>>,
    refused: Option<Operation>,
}

impl Witness {
    fn sees(&self, call: &Call<'_>) -> bool {
        self.seen.lock().expect("one thread").insert(call.operation());
        self.refused == Some(call.operation())
    }
}

impl Intercept for Witness {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        if self.sees(&call) { Err(E::new(FailureKind::Unavailable, "refused")) } else { inner.await }
    }
}

impl InterceptTransaction for Witness {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        call: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        Intercept::call(self, call, inner).await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        self.sees(&Call::Commit);
        ().commit(inner).await
    }
}

struct Subject(Arc<ManualClock>, Witness);

#[async_trait]
impl StoreSubject for Subject {
    async fn fresh(&self) -> Arc<dyn Store> {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(self.0.clone()));
        Arc::new(Intercepted::new(store, self.1.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }
}

#[async_trait]
impl BrokerSubject for Subject {
    async fn fresh(&self) -> Arc<dyn Broker> {
        let broker: Arc<dyn Broker> = Arc::new(MemoryBroker::new(self.0.clone(), BrokerConfig::default()));
        Arc::new(Intercepted::new(broker, self.1.clone()))
    }

    async fn advance(&self, by: Duration) {
        self.0.advance(by);
    }

    fn visibility_timeout(&self) -> Duration {
        BrokerConfig::default().visibility_timeout
    }
}

#[test]
fn what_is_let_through_keeps_every_promise_and_every_method_is_seen_by_its_name() {
    let subject = Subject(ManualClock::new(), Witness::default());
    let (store, broker) =
        block_on(async { (conformance::store_report(&subject).await, conformance::broker_report(&subject).await) });
    assert!(store.is_conformant() && broker.is_conformant(), "{store:?}\n{broker:?}");
    let seen = subject.1.seen.lock().expect("one thread").clone();
    let unseen: Vec<&Operation> = Operation::ALL.iter().filter(|operation| !seen.contains(operation)).collect();
    // A store in memory lends no connection; what the suite does not ask for has no promise yet that it could keep.
    let outside = |operation: &Operation| matches!(operation.port(), Port::External | Port::Ingress);
    let unasked: Vec<&str> = unseen.into_iter().filter(|op| !outside(op)).map(|op| op.name()).collect();
    assert_eq!(unasked, ["statement"]);
}

/// Somebody who asks once, and what was answered.
struct Caller(Mutex<Option<u64>>, Arc<Mutex<Vec<String>>>);

#[async_trait]
impl Ingress for Caller {
    async fn next(&self) -> Option<Request> {
        let (number, answers) = (self.0.lock().expect("one thread").take()?, self.1.clone());
        let response = Response::numbered(number, move |said| {
            let said = said.map_err(|refusal| refusal.to_string());
            answers.lock().expect("one thread").push(format!("{said:?}"));
        });
        Some(Request { operation: "place_order".into(), body: "17".into(), response })
    }
}

#[test]
fn a_request_and_its_answer_come_through() {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let caller: Arc<dyn Ingress> = Arc::new(Caller(Mutex::new(Some(7)), answers.clone()));
    let ingress = Intercepted::new(caller, Witness::default());
    block_on(async {
        let request = ingress.next().await.expect("one request");
        assert_eq!((request.operation.as_str(), request.response.number()), ("place_order", 7));
        request.response.accept("18".into());
        assert!(ingress.next().await.is_none());
    });
    assert_eq!(*answers.lock().expect("one thread"), ["Ok(b\"18\")"]);
    assert_eq!(Response::new(drop).number(), 0, "whoever counts from 1 has no such request");
}

/// Who refuses a call without a word has to know what the caller takes for success.
#[test]
fn only_a_method_that_returns_nothing_can_be_left_undone_unnoticed() {
    assert_eq!(<() as Answers>::nothing(), Some(()));
    assert_eq!((<u64 as Answers>::nothing(), <bool as Answers>::nothing()), (None, None));
}

/// It lends no connection by which anybody could tell.
#[test]
fn a_store_that_can_not_tell_what_was_written_by_hand_says_that_something_may_have_been() {
    let store = MemoryStore::new(ManualClock::new());
    block_on(async {
        let mut tx = store.begin().await.expect("begins");
        assert!(tx.has_written());
    });
}

#[test]
fn a_statement_that_is_refused_ends_its_transaction() {
    let subject = Subject(ManualClock::new(), Witness { refused: Some(Operation::Get), ..Witness::default() });
    block_on(async {
        let store = StoreSubject::fresh(&subject).await;
        let mut tx = store.begin().await.expect("begins");
        tx.put("orders", "order-17", Expected::Absent, "confirmed".into()).await.expect("written");
        tx.get("orders", "order-17").await.expect_err("refused");
        let after = tx.scan("orders", None, 1).await.expect_err("aborted");
        assert!(matches!(&after, StoreError::Unavailable(why) if why.contains("earlier error")), "{after}");
        tx.commit().await.expect_err("nothing is left to commit");
        let mut tx = store.begin().await.expect("begins");
        assert!(tx.scan("orders", None, 1).await.expect("read").is_empty());
    });
}
