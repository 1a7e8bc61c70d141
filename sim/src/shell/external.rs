use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{External, ExternalCall, ExternalError};

use super::{
    Door,
    strike::{Reach, Strike},
};
use crate::{
    plan::Point,
    trace::{Outcome, What},
};

/// External services behind the shell.
pub(super) struct ExternalShell(Door);

impl ExternalShell {
    pub(super) fn new(door: Door) -> Self {
        Self(door)
    }

    fn record(&self, call: &ExternalCall, subject: smol_str::SmolStr, acted: bool, outcome: Outcome) {
        self.0.record(What::External {
            service: call.service.clone(),
            operation: call.operation.clone(),
            operation_id: call.operation_id,
            subject,
            acted,
            outcome,
        });
    }
}

#[async_trait]
impl External for ExternalShell {
    async fn call(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        let mut entered = self.0.enter(Point::External, Reach::Network).await;
        let Some(service) = self.0.world.external_index(&call.service) else {
            return Err(ExternalError::Rejected(format!("no external service is called {:?}", call.service)));
        };
        let externals = &self.0.world.externals;
        let subject = externals.subject(call);
        let outage = if self.0.external_is_out(service) { Strike::Unavailable } else { Strike::Proceed };
        let strike = entered.meet(outage).await;
        if strike == Strike::Unavailable {
            self.record(call, subject, false, Outcome::Unavailable);
            return Err(ExternalError::Transient(format!("{} does not answer", call.service)));
        }
        match strike {
            Strike::Reject => {
                self.record(call, subject, false, Outcome::Rejected);
                return Err(ExternalError::Rejected(format!("{} declined", call.service)));
            }
            Strike::LoseRequest => {
                self.record(call, subject, false, Outcome::NotDoneUnheard);
                return Err(ExternalError::Unknown(format!("{} was not heard from", call.service)));
            }
            _ => {}
        }
        let answered = externals.answer(call);
        let outcome = match (&answered, strike.is_unheard()) {
            (Ok(_), false) => Outcome::Done,
            (Ok(_), true) => Outcome::DoneUnheard,
            (Err(_), false) => Outcome::Rejected,
            (Err(_), true) => Outcome::NotDoneUnheard,
        };
        if let Err(error) = &answered {
            self.0.note_error(Point::External, error);
        }
        let acted = answered.as_ref().is_ok_and(|answered| answered.acted);
        self.record(call, subject, acted, outcome);
        if strike == Strike::LoseReply {
            // A caller learns of a lost reply by waiting for it in vain.
            self.0.life.alive(self.0.world.meter.sleep(Duration::from_millis(100))).await;
            return Err(ExternalError::Unknown(format!("{} was not heard from", call.service)));
        }
        entered.leave().await;
        answered.map(|answered| answered.body)
    }
}
