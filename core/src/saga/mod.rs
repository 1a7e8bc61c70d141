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
//! | [`Registry`], [`Migration`] | what a process can run, and how old sagas go on | at boot |
//! | [`Orchestrator`] | starts, drives, recovers; operator verbs | in every process |
//! | [`Record`], [`State`], [`next`], [`plan`] | the life cycle, pure | to read a log or judge a run |
//!
//! A saga runs the version of its definition that it was started under. A replica that does not know that version, as
//! during a rolling deployment, leaves the saga to those who do; one that knows newer versions only needs a
//! [`Migration`]. Where there is nobody and nothing, the saga becomes stuck with the reason `incompatible_definition`.
//!
//! Source pattern: sagas (Garcia-Molina and Salem, 1987); the three phases are Richardson's.

mod attempt;
mod builder;
mod call;
mod config;
mod definition;
mod error;
mod execution;
mod group;
mod log;
mod migration;
mod nested;
mod operator;
mod orchestrator;
mod plan;
mod record;
mod recovery;
mod registry;
mod resources;
mod retry;
mod shape;
mod state;
mod step;
mod transition;
mod value;
mod version_skew;

pub use builder::{AfterPivot, BeforePivot, SagaBuilder};
pub use call::StepCall;
pub use config::OrchestratorConfig;
pub use definition::{Definition, DefinitionError, DefinitionPolicy, SagaData, StepSpec};
pub use error::{SagaError, StepError};
pub use execution::DriveOutcome;
pub use group::{CompensatableGroup, RetriableGroup};
pub use migration::Migration;
pub use orchestrator::{Orchestrator, Started, saga_id};
pub use plan::{Next, plan};
pub use record::{CompensationCause, Failure, Record, RecordError};
pub use registry::{Registry, RegistryError};
pub use retry::RetryPolicy;
pub use shape::{Phase, Shape, StepShape};
pub use state::{ActionState, Attempts, CompensationState, State, Status, StepState};
pub use step::{Action, Compensation, NothingToUndo};
pub use transition::{IllegalTransition, next};
pub use value::Value;
