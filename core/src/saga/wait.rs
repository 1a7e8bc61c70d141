use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use async_trait::async_trait;
use smol_str::SmolStr;

use super::{Action, AtLimit, Awaits, KeyContext, StepCall, Until, Value};
use crate::{message::Message, ports::Timestamp};

/// State of a [`Wait`]: it waits for as long as it takes.
#[derive(Debug)]
pub enum Unlimited {}

/// State of a [`Wait`]: it ends at some time, and the saga goes on.
#[derive(Debug)]
pub enum Limited {}

/// State of a [`Wait`]: where it has lasted too long, the step is rejected and the saga turns back. Only before the pivot.
#[derive(Debug)]
pub enum Rejecting {}

/// States of a [`Wait`] after which the saga goes on in any case, so that it may stand after the pivot, too.
pub trait Endures: sealed::Sealed {}

impl Endures for Unlimited {}
impl Endures for Limited {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Unlimited {}
    impl Sealed for super::Limited {}
}

/// A step that waits, durably: for a signal, such as an approval; for a message, such as the reply of another service; or
/// for a moment. What it received is its output.
///
/// A saga that waits costs nothing: no process owns it, its log does not grow, and it is found again by its time alone. A
/// signal that comes before the saga waits for it is kept; one that comes twice, by its id, counts once. Give a saga its
/// signals with [`Orchestrator::signal`](super::Orchestrator::signal), and messages in the transaction in which they are
/// handled, with [`deliver_in`](super::Orchestrator::deliver_in).
///
/// A step that wants to do more than wait - look at what it received, refuse it, write - is an [`Action`] of its own that
/// says what it [awaits](Action::awaits).
///
/// ```
/// use std::time::Duration;
/// use seaworthy_core::saga::{Action, NothingToUndo, SagaBuilder, Value, Wait};
///
/// struct Noted;
/// impl Action<u32> for Noted {}
///
/// let day = Duration::from_secs(24 * 3_600);
/// let loan = SagaBuilder::<u32>::new("loan", 1)
///     .compensatable("reserve", Noted, NothingToUndo)
///     .wait("approval", Wait::signal("approved").or_reject(3 * day))
///     .pivot("pay_out", Noted)
///     .wait("receipt", Wait::message("payment.settled"))
///     .wait("rest", Wait::time(30 * day))
///     .wait("opinion", Wait::signal("rated").or_else(day, Value::NULL))
///     .build()?;
/// assert_eq!(loan.shape().steps.len(), 6);
/// # Ok::<(), seaworthy_core::saga::DefinitionError>(())
/// ```
///
/// Past the pivot there is no way back, so that nothing may be rejected there:
///
/// ```compile_fail
/// # use std::time::Duration;
/// # use seaworthy_core::saga::{Action, SagaBuilder, Wait};
/// # struct Noted;
/// # impl Action<u32> for Noted {}
/// SagaBuilder::<u32>::new("loan", 1)
///     .pivot("pay_out", Noted)
///     .wait("receipt", Wait::message("payment.settled").or_reject(Duration::from_secs(60)));
/// ```
pub struct Wait<D, L = Unlimited> {
    awaits: Awaits,
    until: Option<Arc<UntilOf<D>>>,
    key: Option<Arc<KeyOf<D>>>,
    key_of: Option<Arc<KeyOfMessage>>,
    limit: PhantomData<fn() -> L>,
}

impl<D> Wait<D> {
    /// Waits for a signal of this name.
    pub fn signal(name: &str) -> Self {
        let awaits = Awaits::Signal { name: name.into(), at_limit: AtLimit::None };
        Self { awaits, until: None, key: None, key_of: None, limit: PhantomData }
    }

    /// Waits for a message of this type. It is a signal whose name is the message's type and whose id is the message's; the
    /// output is its payload, where that is JSON.
    pub fn message(kind: &str) -> Self {
        Self::signal(kind)
    }

    /// Waits no longer than `limit` from when the saga comes to the step, by the store's clock: then the step is rejected, and
    /// the saga turns back.
    pub fn or_reject(self, limit: Duration) -> Wait<D, Rejecting> {
        self.limited(limit, AtLimit::Reject)
    }

    /// Waits no longer than `limit` from when the saga comes to the step, by the store's clock: then `output` is the step's
    /// output, and the saga goes on.
    pub fn or_else(self, limit: Duration, output: Value) -> Wait<D, Limited> {
        self.limited(limit, AtLimit::Output(output))
    }

    fn limited<L>(self, limit: Duration, at_limit: AtLimit) -> Wait<D, L> {
        let awaits = match self.awaits {
            Awaits::Signal { name, .. } => Awaits::Signal { name, at_limit },
            other => other,
        };
        let (key, key_of) = (self.key, self.key_of);
        Wait { awaits, until: Some(Arc::new(move |_| Until::After(limit))), key, key_of, limit: PhantomData }
    }
}

impl<D> Wait<D, Limited> {
    /// Waits for so long from when the saga comes to the step, by the store's clock.
    pub fn time(duration: Duration) -> Self {
        Self::over(move |_| Until::After(duration))
    }

    /// Waits until a moment by the store's clock, which is asked for once and must follow from the call's data and outputs
    /// alone. One that has passed is waited for no longer.
    pub fn until(moment: impl Fn(&StepCall<'_, D>) -> Timestamp + Send + Sync + 'static) -> Self {
        Self::over(move |call: &StepCall<'_, D>| Until::Moment(moment(call)))
    }

    fn over(until: impl Fn(&StepCall<'_, D>) -> Until + Send + Sync + 'static) -> Self {
        let until: Arc<UntilOf<D>> = Arc::new(until);
        Self { awaits: Awaits::Time, until: Some(until), key: None, key_of: None, limit: PhantomData }
    }
}

impl<D, L> Wait<D, L> {
    /// Has messages find the saga by a key of its own, such as the number of an invoice, in place of its correlation id: for
    /// those of a service that knows nothing of the saga. The closure says the key as soon as it is known, from the saga's input
    /// or from what a step has come to, and must follow from these alone; a saga that comes to the wait without one is stuck.
    ///
    /// From the commit with which the key is known the saga is found by it, whether it waits by then or will, for as long as
    /// it is there. Messages that come before are nobody's ([`SagaError::Unkeyed`](super::SagaError::Unkeyed)): where one may
    /// overtake that commit, have its handler answer that it is to come again. Sagas of one definition that have one key all get
    /// a message of it, each once. What came by a key is for the step of that key alone, also where another one waits for the
    /// same type without any.
    ///
    /// Say by [`correlate_by`](Self::correlate_by) which key a message has, for
    /// [`deliver_in`](super::Orchestrator::deliver_in), or give it by
    /// [`deliver_keyed_in`](super::Orchestrator::deliver_keyed_in).
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use seaworthy_core::saga::{Action, KeyContext, SagaBuilder, Wait};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Order { invoice: String }
    ///
    /// #[derive(Deserialize)]
    /// struct Paid { invoice: String }
    ///
    /// struct Noted;
    /// impl Action<Order> for Noted {}
    ///
    /// let paid = Wait::message("invoice.paid")
    ///     .keyed(|context: &KeyContext<'_, Order>| Some((&*context.data.invoice).into()))
    ///     .correlate_by(|message| message.json::<Paid>().ok().map(|paid| paid.invoice.into()));
    /// let order = SagaBuilder::<Order>::new("order", 1).pivot("send", Noted).wait("paid", paid).build()?;
    /// # Ok::<(), seaworthy_core::saga::DefinitionError>(())
    /// ```
    #[must_use]
    pub fn keyed(mut self, key: impl Fn(&KeyContext<'_, D>) -> Option<SmolStr> + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(key));
        self
    }

    /// Says which key a message has, where the wait is [keyed](Self::keyed). A message without one is given by its correlation
    /// id.
    #[must_use]
    pub fn correlate_by(mut self, key: impl Fn(&Message) -> Option<SmolStr> + Send + Sync + 'static) -> Self {
        self.key_of = Some(Arc::new(key));
        self
    }
}

#[async_trait]
impl<D: Sync, L> Action<D> for Wait<D, L> {
    fn awaits(&self) -> Option<Awaits> {
        Some(self.awaits.clone())
    }

    fn until(&self, call: &StepCall<'_, D>) -> Until {
        self.until.as_ref().map_or(Until::Ever, |until| until(call))
    }

    fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    fn key(&self, context: &KeyContext<'_, D>) -> Option<SmolStr> {
        self.key.as_ref().and_then(|key| key(context))
    }

    fn key_of(&self, message: &Message) -> Option<SmolStr> {
        self.key_of.as_ref().and_then(|key_of| key_of(message))
    }
}

impl<D, L> fmt::Debug for Wait<D, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("awaits", &self.awaits).finish_non_exhaustive()
    }
}

/// Moment until which a step waits, as its call says.
type UntilOf<D> = dyn Fn(&StepCall<'_, D>) -> Until + Send + Sync;

/// Key of a step's wait, as its saga says.
type KeyOf<D> = dyn Fn(&KeyContext<'_, D>) -> Option<SmolStr> + Send + Sync;

/// Key of a message.
type KeyOfMessage = dyn Fn(&Message) -> Option<SmolStr> + Send + Sync;
