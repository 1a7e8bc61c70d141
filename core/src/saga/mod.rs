//! Sagas: long business transactions made of steps that are each a transaction of their own.
//!
//! A saga goes forward through its steps, `compensatable* -> pivot? -> retriable*`. Before its pivot has committed it
//! can turn back and undo what it did; afterwards it goes forward until it is done. All that it decides is in its log,
//! so that any process can go on where another one crashed.
//!
//! | item | what it is | when you need it |
//! |---|---|---|
//! | [`Action`], [`Compensation`] | the code of a step, forward and back | to write a workflow |
//! | [`StepCall`] | one attempt of a step: data, outputs, operation ids | inside a step |
//! | [`StepError`] | unavailable, **unknown**, refused | inside a step |
//! | [`SagaBuilder`], [`StepSpec`] | definitions, typed or read at run time | to put steps in order |
//! | [`Wait`], [`Signal`] | a step that waits for a signal, a message or a moment; the signal | for approvals, replies and delays |
//! | [`Registry`], [`Migration`] | what a process can run, and how old sagas go on | at boot |
//! | [`Orchestrator`] | starts, drives, recovers; operator verbs | in every process |
//! | [`SagaHandle`], [`SagaOutcome`] | waits for a saga's end and its result | wherever somebody wants the answer |
//! | [`ask`], [`resume_stuck`], [`account`] | verbs and a look without the definitions | in an operator's tool |
//! | [`SagaRetention`] | deletes logs of sagas that ended long ago | in one process of a service |
//! | [`Record`], [`State`], [`next`], [`next_move`] | the life cycle, pure | to read a log or judge a run |
//!
//! A saga runs the version of its definition that it was started under. A replica that does not know that version, as
//! during a rolling deployment, leaves the saga to those who do; one that knows newer versions only needs a
//! [`Migration`], which its log tells of. Where there is nobody and nothing, the saga waits for a release that knows it, and
//! an operator is told of it; one whose log is damaged becomes stuck with the reason `incompatible_definition`.
//!
//! # Steps that return values
//! A step's output is stored with it, later steps read it, and the saga's result is made of outputs. The type of the result is
//! checked where the saga is defined.
//!
//! ```
//! use async_trait::async_trait;
//! use seaworthy_core::{
//!     ports::Transaction,
//!     saga::{Action, DefinitionError, NothingToUndo, SagaBuilder, StepCall, StepError, Value},
//! };
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Foo {
//!     name: String,
//! }
//!
//! #[derive(Serialize)]
//! struct FooResult {
//!     length: usize,
//! }
//!
//! struct Measure;
//!
//! #[async_trait]
//! impl Action<Foo> for Measure {
//!     async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, Foo>, _: Value) -> Result<Value, StepError> {
//!         Value::new(&call.data.name.len())
//!     }
//! }
//!
//! struct Note;
//!
//! #[async_trait]
//! impl Action<Foo> for Note {
//!     async fn apply(&self, _: &mut dyn Transaction, call: &StepCall<'_, Foo>, _: Value) -> Result<Value, StepError> {
//!         let length: Option<usize> = call.output("measure")?;
//!         assert!(length.is_some(), "it comes after that step");
//!         Ok(Value::NULL)
//!     }
//! }
//!
//! let foo = SagaBuilder::<Foo>::new("foo", 1)
//!     .compensatable("measure", Measure, NothingToUndo)
//!     .retriable("note", Note)
//!     .result::<FooResult>(|outputs| Ok(FooResult { length: outputs.output("measure")?.unwrap_or_default() }))
//!     .build()?;
//! # Ok::<(), DefinitionError>(())
//! ```
//!
//! ```compile_fail,E0308
//! # use seaworthy_core::saga::{Action, SagaBuilder};
//! # struct Noted;
//! # impl Action<u32> for Noted {}
//! # #[derive(serde::Serialize)]
//! # struct FooResult;
//! SagaBuilder::<u32>::new("foo", 1).retriable("note", Noted).result::<FooResult>(|_| Ok(7));
//! ```
//!
//! # Steps in an array
//! The same as a list of steps and their compensations; the last one has none. Nothing of it runs before a saga is started.
//!
//! ```
//! use std::sync::Arc;
//! use async_trait::async_trait;
//! use seaworthy_core::{
//!     ports::Transaction,
//!     saga::{
//!         Action, Compensation, Definition, DefinitionError, DefinitionPolicy, NothingToUndo, Phase, StepCall, StepError,
//!         StepSpec, Value,
//!     },
//! };
//!
//! struct Runs;
//!
//! #[async_trait]
//! impl Action<u32> for Runs {
//!     async fn apply(&self, _: &mut dyn Transaction, _: &StepCall<'_, u32>, _: Value) -> Result<Value, StepError> {
//!         panic!("a definition runs nothing")
//!     }
//! }
//!
//! let steps: [(&str, Option<Arc<dyn Compensation<u32>>>); 3] =
//!     [("reserve", Some(Arc::new(NothingToUndo))), ("charge", Some(Arc::new(NothingToUndo))), ("confirm", None)];
//! let specs = steps.map(|(name, compensation)| StepSpec::<u32> {
//!     name: name.into(),
//!     phase: if compensation.is_some() { Phase::Compensatable } else { Phase::Pivot },
//!     parallel: None,
//!     action: Arc::new(Runs),
//!     compensation,
//!     retry: None,
//!     compensation_retry: None,
//!     deadline: None,
//! });
//! let order = Definition::from_specs("order", 1, DefinitionPolicy::default(), specs.into())?;
//! assert_eq!(order.shape().steps.len(), 3);
//! # Ok::<(), DefinitionError>(())
//! ```
//!
//! Source pattern: sagas (Garcia-Molina and Salem, 1987); the three phases are Richardson's.

mod account;
mod answers;
mod append;
mod ask;
mod attempt;
mod attempts;
mod awaits;
mod branch;
mod builder;
mod call;
mod cause;
mod config;
mod correlation;
mod definition;
mod deliver;
mod error;
mod execution;
mod group;
mod handle;
mod interrupted;
mod launch;
mod leave;
mod log;
mod migration;
mod nested;
mod next_move;
mod operator;
mod orchestrator;
mod outcome;
mod passage;
mod passing;
mod record;
mod record_error;
mod recovery;
mod registry;
mod request;
mod resources;
mod result;
mod retention;
mod retry;
mod set_back;
mod settle;
mod shape;
mod signal;
mod sorted;
mod start;
mod state;
mod step;
mod step_state;
mod steps;
mod store_calls;
mod summary;
mod told;
mod transition;
mod unfold;
mod value;
mod verb_records;
mod wait;
mod watchers;
mod work;

pub use account::{Account, AccountEntry, WaitsFor, account, account_of};
pub use ask::{Asked, ask, foresee, resume_stuck};
pub use awaits::{AtLimit, Awaits, Until};
pub use builder::{AfterPivot, BeforePivot, SagaBuilder};
pub use call::StepCall;
pub use cause::{AttemptFailure, CompensationCause, Origin};
pub use config::OrchestratorConfig;
pub use correlation::KeyContext;
pub use definition::{Definition, DefinitionError, DefinitionPolicy, SagaData, StepSpec};
pub use error::{SagaError, StepError};
pub use group::{CompensatableGroup, RetriableGroup};
pub use handle::SagaHandle;
pub use migration::Migration;
pub use next_move::{Next, next_move};
pub use orchestrator::{Orchestrator, Started, saga_id};
pub use outcome::{Outputs, SagaOutcome};
pub use passage::{Passage, Rename};
pub use record::Record;
pub use record_error::RecordError;
pub use registry::{Registry, RegistryError};
pub use request::{SagaRequest, Verb};
pub use retention::SagaRetention;
pub use retry::RetryPolicy;
pub use settle::DriveOutcome;
pub use shape::{Phase, Shape, StepShape};
pub use signal::Signal;
pub use state::{State, Status};
pub use step::{Action, Compensation, NothingToUndo};
pub use step_state::{ActionState, Attempts, CompensationState, StepState, Waiting};
pub use steps::Steps;
pub use summary::{StepSummary, Summary};
pub use transition::{IllegalTransition, next};
pub use value::Value;
pub use wait::{Endures, Limited, Rejecting, Unlimited, Wait};
