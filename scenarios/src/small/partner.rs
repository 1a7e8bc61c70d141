use bytes::Bytes;
use seaworthy_core::ports::{ExternalCall, Refusal};
use seaworthy_sim::external::Service;
use smol_str::SmolStr;

/// A service outside that takes everything. A call is about what its body says.
pub(crate) struct Partner;

impl Service for Partner {
    fn act(&mut self, call: &ExternalCall) -> Result<Bytes, Refusal> {
        Ok(call.body.clone())
    }

    fn subject(&self, call: &ExternalCall) -> SmolStr {
        String::from_utf8_lossy(&call.body).into()
    }
}
