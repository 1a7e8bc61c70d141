use crate::plan::FaultKind;
use seaworthy_core::ports::Operation;

/// A fault of the plan that struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fired {
    /// Its position in the plan's list.
    pub index: u32,
    /// Kind of the fault.
    pub kind: FaultKind,
    /// Operation that was struck, for a fault at a call.
    pub point: Option<Operation>,
}
