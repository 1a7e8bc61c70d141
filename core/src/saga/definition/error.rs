use smol_str::SmolStr;

use crate::{saga::Phase, settings::InvalidSetting};

/// Error of a saga definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// It has no steps.
    #[error("definition `{0}` has no steps: add one")]
    Empty(SmolStr),
    /// A step's name is empty, or holds a `/`, which separates the names of nested sagas.
    #[error("`{0}` can't name a step: a name is not empty and holds no `/`")]
    Name(SmolStr),
    /// Two steps have one name.
    #[error("two steps are named `{0}`: give each a name of its own, which log and operation ids use")]
    DuplicateStep(SmolStr),
    /// Steps are out of order.
    #[error(
        "step `{step}` is {phase:?} but comes too late: the order is compensatable, then one pivot, then retriable"
    )]
    PhaseOrder {
        /// Name of the step.
        step: SmolStr,
        /// Phase of the step.
        phase: Phase,
    },
    /// There is a second pivot.
    #[error("step `{0}` would be a second pivot: a saga has one point of no return, and steps behind it are retriable")]
    SecondPivot(SmolStr),
    /// A compensatable step has no compensation.
    #[error("step `{0}` is compensatable but has no compensation: give it one, or `NothingToUndo`")]
    NoCompensation(SmolStr),
    /// A pivot or retriable step has a compensation.
    #[error("step `{0}` is not compensatable, so its compensation would never run: remove the compensation")]
    NeedlessCompensation(SmolStr),
    /// A pivot shares its group, or a group mixes phases.
    #[error("the parallel group of step `{0}` mixes phases or holds a pivot: run only steps of one phase in parallel")]
    MixedGroup(SmolStr),
    /// A retriable step has a deadline.
    #[error("step `{0}` is retriable, so it is tried again until it is done: remove its deadline")]
    NeedlessDeadline(SmolStr),
    /// A step waits for something and asks somebody.
    #[error("step `{0}` waits and asks: make two steps of it, one after the other")]
    WaitsAndAsks(SmolStr),
    /// A wait after the pivot would be rejected at its limit.
    #[error(
        "step `{0}` is retriable, so it can't be rejected when it has waited for too long: give it an output for then"
    )]
    NeedlessRejection(SmolStr),
    /// A setting for the steps added last finds none that it is for.
    #[error("`{setting}` configures the preceding step, but {reason}: call it right after the step that it configures")]
    NeedlessSetting {
        /// The builder's method.
        setting: &'static str,
        /// Reason why it means nothing here.
        reason: &'static str,
    },
    /// The step whose output is to be the saga's result is not there.
    #[error("the result can't be the output of step `{0}`: there is no such step")]
    NoResult(SmolStr),
    /// A setting by which nothing would work.
    #[error("{of} can't work: {setting}")]
    Setting {
        /// The definition, or the step of it, whose setting it is.
        of: SmolStr,
        /// Setting, and what to change.
        setting: InvalidSetting,
    },
    /// A nested saga stands where its own pivot does not allow it.
    #[error("the nested saga `{nested}` {reason}")]
    Nested {
        /// Name of the nested saga.
        nested: SmolStr,
        /// Reason why it is not allowed there.
        reason: &'static str,
    },
}
