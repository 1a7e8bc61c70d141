use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::ports::{Call, ExternalCall, ExternalError, Operation};
use smol_str::format_smolstr;

use super::{
    Shell,
    disposition::{Carried, Disposition, Reach},
};
use crate::trace::What;

impl Shell {
    /// Asks an external service, of which the trace says whether it acted.
    pub(super) async fn asked(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        let gate = &self.gate;
        let mut entered = gate.enter(Operation::External, Reach::Network).await;
        let Some(service) = gate.world.external_index(&call.service) else {
            return Err(ExternalError::Refused(format_smolstr!("no external service is called {:?}", call.service)));
        };
        let externals = &gate.world.externals;
        let subject = externals.subject(call);
        let outage = if gate.external_is_out(service) { Disposition::Unavailable } else { Disposition::Proceed };
        let disposition = entered.meet(outage).await;
        let mut acted = false;
        let answer = async {
            let answered = externals.answer(call);
            acted = answered.as_ref().is_ok_and(|answered| answered.acted);
            answered.map(|answered| answered.body)
        };
        let as_call = Call::External { call };
        let Carried { result, outcome, is_own } = disposition.carry_out(&as_call, answer).await;
        if let (Err(error), true) = (&result, is_own) {
            gate.note_error(Operation::External, error);
        }
        gate.record(What::External {
            service: call.service.clone(),
            operation: call.operation.clone(),
            operation_id: call.operation_id,
            subject,
            acted,
            outcome,
        });
        if disposition == Disposition::LoseReply {
            // A caller learns of a lost reply by waiting for it in vain.
            gate.incarnation.alive(gate.world.meter.sleep(Duration::from_millis(100))).await;
        }
        entered.leave().await;
        disposition.heard(&as_call, result)
    }
}
