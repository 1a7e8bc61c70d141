use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::{Arc, Mutex as StdMutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use seaworthy_core::{
    ids::OperationId,
    ports::{External, ExternalCall, ExternalError},
};
use smol_str::{SmolStr, format_smolstr};
use tokio::sync::Mutex;

type Service = Box<dyn Fn(ExternalCall) -> BoxFuture<'static, Result<Bytes, ExternalError>> + Send + Sync>;
type Answer = Result<Bytes, ExternalError>;
type Operation = (SmolStr, OperationId);

/// Number of definitive answers that are remembered unless the user says otherwise: a saga asks again within minutes.
const ANSWERS_MAX: usize = 100_000;

/// Participants as closures, by name.
///
/// A definitive answer (done, or refused) is remembered by service and operation id and given again without calling
/// the closure; calls of one operation wait for each other. The memory dies with the process, so a closure around a
/// real service must still hand the operation id on as that service's idempotency key.
///
/// ```
/// use seaworthy_core::ports::{External, ExternalError};
/// use seaworthy_tokio::LocalExternal;
///
/// let external = LocalExternal::new()
///     .service("payments", |call| async move { Ok(call.body) })
///     .service("carrier", |_| async { Err(ExternalError::Unavailable("on strike".into())) });
/// # let _: &dyn External = &external;
/// ```
pub struct LocalExternal {
    services: BTreeMap<SmolStr, Service>,
    answers: StdMutex<Answers>,
    answers_max: usize,
}

#[derive(Default)]
struct Answers {
    by_operation: BTreeMap<Operation, Arc<Mutex<Option<Answer>>>>,
    oldest_first: VecDeque<Operation>,
}

impl LocalExternal {
    /// No services yet: every call is refused.
    pub fn new() -> Self {
        Self { services: BTreeMap::new(), answers: StdMutex::default(), answers_max: ANSWERS_MAX }
    }

    /// Adds a service, or replaces the one of that name.
    #[must_use]
    pub fn service<F>(
        mut self,
        name: impl Into<SmolStr>,
        call: impl Fn(ExternalCall) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Bytes, ExternalError>> + Send + 'static,
    {
        self.services.insert(name.into(), Box::new(move |asked| Box::pin(call(asked))));
        self
    }

    /// Remembers at most this many operations; the oldest are forgotten first. Default: 100,000.
    #[must_use]
    pub fn answers_max(mut self, answers_max: usize) -> Self {
        self.answers_max = answers_max;
        self
    }

    fn answer_of(&self, operation: Operation) -> Arc<Mutex<Option<Answer>>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answers.by_operation.get(&operation) {
            return Arc::clone(answer);
        }
        while answers.oldest_first.len() >= self.answers_max.max(1) {
            if let Some(oldest) = answers.oldest_first.pop_front() {
                answers.by_operation.remove(&oldest);
            }
        }
        answers.oldest_first.push_back(operation.clone());
        Arc::clone(answers.by_operation.entry(operation).or_default())
    }
}

impl Default for LocalExternal {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl External for LocalExternal {
    async fn call(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        let Some(service) = self.services.get(&call.service) else {
            return Err(ExternalError::Refused(format_smolstr!(
                "there is no service {}: add it when building",
                call.service
            )));
        };
        let answer = self.answer_of((call.service.clone(), call.operation_id));
        let mut answer = answer.lock().await;
        if let Some(known) = &*answer {
            return known.clone();
        }
        let found = service(call.clone()).await;
        if matches!(found, Ok(_) | Err(ExternalError::Refused(_))) {
            *answer = Some(found.clone());
        }
        found
    }
}

impl std::fmt::Debug for LocalExternal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.services.keys()).finish()
    }
}
