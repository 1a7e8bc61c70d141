use bytes::Bytes;
use seaworthy_core::ports::{ExternalCall, Refusal};
use smol_str::SmolStr;

/// An external service as a pure state machine. It decides no fault; the shell around it does.
pub trait Service: Send {
    /// Acts on a call, or declines it for good with a reason.
    ///
    /// # Errors
    /// [`Refusal`] if the service declines. Nothing happened then.
    fn act(&mut self, call: &ExternalCall) -> Result<Bytes, Refusal>;

    /// Returns the subject of a call, for the trace: an order, a card.
    fn subject(&self, call: &ExternalCall) -> SmolStr;

    /// Returns `true` if the service remembers idempotency keys: a repeated operation id then gets the stored answer,
    /// and the service does not act again. A service that does not is what people meet too.
    fn is_idempotent(&self) -> bool {
        true
    }
}
