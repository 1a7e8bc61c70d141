use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{External, ExternalCall, ExternalError};
use smol_str::SmolStr;

use super::{
    Service,
    ledger::{Answered, Ledger},
};

/// External services in memory, with a ledger of what each really did. It never fails by itself.
///
/// ```
/// use bytes::Bytes;
/// use seaworthy_core::{ids::OperationId, ports::{ExternalCall, Refusal}};
/// use seaworthy_memory::external::{MemoryExternal, Service};
///
/// struct Payments;
/// impl Service for Payments {
///     fn act(&mut self, _: &ExternalCall) -> Result<Bytes, Refusal> {
///         Ok("charged".into())
///     }
///     fn subject(&self, _: &ExternalCall) -> smol_str::SmolStr {
///         "order-17".into()
///     }
/// }
///
/// let external = MemoryExternal::new();
/// external.register("payments", Box::new(Payments));
/// let call = ExternalCall {
///     service: "payments".into(),
///     operation: "charge".into(),
///     operation_id: OperationId(uuid::Uuid::from_u128(1)),
///     body: Bytes::new(),
/// };
/// assert!(external.answer(&call).expect("known and not declined").acted);
/// assert!(!external.answer(&call).expect("the stored answer").acted);
/// ```
#[derive(Clone, Default)]
pub struct MemoryExternal {
    ledger: Arc<Mutex<Ledger>>,
}

impl MemoryExternal {
    /// No services yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a service under the name that calls use. A second one of the same name replaces the first, and keeps
    /// its answers.
    pub fn register(&self, name: &str, service: Box<dyn Service>) {
        self.ledger().register(name, service);
    }

    /// Answers a call, and says what it is about and whether the service acted this time.
    ///
    /// # Errors
    /// [`ExternalError::Refused`] if the service declines, or if there is none of this name.
    pub fn answer(&self, call: &ExternalCall) -> Result<Answered, ExternalError> {
        self.ledger().answer(call)
    }

    /// Returns the subject of a call, in its service's words; empty where there is no such service.
    pub fn subject(&self, call: &ExternalCall) -> SmolStr {
        self.ledger().subject(call)
    }

    /// Returns how often a service acted under this call's operation id.
    pub fn times_acted(&self, call: &ExternalCall) -> u32 {
        self.ledger().times_acted(call)
    }
}

impl fmt::Debug for MemoryExternal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryExternal({:?})", self.ledger())
    }
}

#[async_trait]
impl External for MemoryExternal {
    async fn call(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        self.answer(call).map(|answered| answered.body)
    }
}
