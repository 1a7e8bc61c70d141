use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, ToSmolStr as _};

use super::{StepError, Value};
use crate::message::Message;

/// Something that a saga may wait for: a name, and what came with it. Two of one id are one.
///
/// ```
/// use seaworthy_core::saga::Signal;
/// let approved = Signal::new("approved", "decision-17").payload(&("by the manager", 1_000))?;
/// assert_eq!(approved.name, "approved");
/// # Ok::<(), seaworthy_core::saga::StepError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Name that steps wait for.
    pub name: SmolStr,
    /// Id by which one saga tells signals apart: given twice, it counts once.
    pub id: SmolStr,
    /// Key by which it was given, where it came so: it is for a step that waits under this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SmolStr>,
    /// Output of the step that waits for it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub payload: Value,
}

impl Signal {
    /// A signal that says no more than its name.
    pub fn new(name: &str, id: &str) -> Self {
        Self { name: name.into(), id: id.into(), key: None, payload: Value::NULL }
    }

    /// Sets what comes with it.
    ///
    /// # Errors
    /// [`StepError::Unavailable`] if it has no JSON form.
    pub fn payload<T: Serialize + ?Sized>(mut self, payload: &T) -> Result<Self, StepError> {
        self.payload = Value::new(payload)?;
        Ok(self)
    }
}

impl From<&Message> for Signal {
    /// A message is a signal whose name is its type, and whose id is the message's. A payload that is no JSON becomes a JSON
    /// string.
    fn from(message: &Message) -> Self {
        let payload = Value::from(message.data.clone());
        Self { name: message.kind.clone(), id: message.id.to_smolstr(), key: None, payload }
    }
}
