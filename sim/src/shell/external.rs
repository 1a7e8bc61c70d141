use std::time::Duration;

use bytes::Bytes;
use seaworthy_core::ports::{Call, ExternalCall, ExternalError, Operation};

use super::{
    Shell,
    strike::{Carried, Reach, Strike},
};
use crate::trace::What;

impl Shell {
    /// Asks an external service, of which the trace says whether it acted.
    pub(super) async fn asked(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        let door = &self.door;
        let mut entered = door.enter(Operation::External, Reach::Network).await;
        let Some(service) = door.world.external_index(&call.service) else {
            return Err(ExternalError::Rejected(format!("no external service is called {:?}", call.service)));
        };
        let externals = &door.world.externals;
        let subject = externals.subject(call);
        let outage = if door.external_is_out(service) { Strike::Unavailable } else { Strike::Proceed };
        let strike = entered.meet(outage).await;
        let mut acted = false;
        let answer = async {
            let answered = externals.answer(call);
            acted = answered.as_ref().is_ok_and(|answered| answered.acted);
            answered.map(|answered| answered.body)
        };
        let as_call = Call::External { call };
        let Carried { result, outcome, is_own } = strike.carry_out(&as_call, answer).await;
        if let (Err(error), true) = (&result, is_own) {
            door.note_error(Operation::External, error);
        }
        door.record(What::External {
            service: call.service.clone(),
            operation: call.operation.clone(),
            operation_id: call.operation_id,
            subject,
            acted,
            outcome,
        });
        if strike == Strike::LoseReply {
            // A caller learns of a lost reply by waiting for it in vain.
            door.life.alive(door.world.meter.sleep(Duration::from_millis(100))).await;
        }
        entered.leave().await;
        strike.heard(&as_call, result)
    }
}
