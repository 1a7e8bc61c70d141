//! The payment service with its ledger on disk: a participant that is not ours does not forget when we crash.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use seaworthy_core::ports::{Expected, External, ExternalCall, ExternalError, Store, StoreError};
use seaworthy_order_fulfillment::{
    json::encode,
    payments::{PAYMENTS, Payment},
};
use seaworthy_scenarios::order_fulfillment::{
    audit::{LEDGER, LedgerEntry},
    provider::{Standing, decide},
};
use smol_str::{ToSmolStr as _, format_smolstr};

/// Collection of the states of charges, by their operation id.
const CHARGES: &str = "charges";

/// See the module.
pub(super) struct PaymentsOnDisk(pub(super) Arc<dyn Store>);

#[async_trait]
impl External for PaymentsOnDisk {
    async fn call(&self, call: &ExternalCall) -> Result<Bytes, ExternalError> {
        if call.service != PAYMENTS {
            return Err(ExternalError::Refused(format_smolstr!("there is no service {}", call.service)));
        }
        let payment: Payment = serde_json::from_slice(&call.body)
            .map_err(|error| ExternalError::Refused(format_smolstr!("unreadable payment: {error}")))?;
        let answer = self.act(call, payment).await.map_err(|error| match error {
            StoreError::Unknown(why) => ExternalError::Unknown(why),
            error => ExternalError::Unavailable(error.to_smolstr()),
        })?;
        answer.map(Bytes::from).map_err(|reason| ExternalError::Refused(reason.into()))
    }
}

impl PaymentsOnDisk {
    /// Acts once for each operation id; a repeated one gets the stored answer.
    async fn act(&self, call: &ExternalCall, payment: Payment) -> Result<Result<String, String>, StoreError> {
        let mut tx = self.0.begin().await?;
        let operation = format!("{}-{}", call.operation, call.operation_id);
        if let Some(known) = tx.get(LEDGER, &operation).await? {
            let entry: LedgerEntry = read(&known.body)?;
            return Ok(entry.answer);
        }
        let charge = payment.charge.to_string();
        let standing = tx.get(CHARGES, &charge).await?;
        let standing: Option<Standing> = standing.map(|document| read(&document.body)).transpose()?;
        let answer = match decide(standing, &call.operation, &payment) {
            Ok((standing, answer)) => {
                tx.put(CHARGES, &charge, Expected::Any, encode(&standing)).await?;
                Ok(String::from_utf8_lossy(answer).into_owned())
            }
            Err(reason) => Err(reason.to_owned()),
        };
        let entry = LedgerEntry { operation: call.operation.clone(), payment, answer: answer.clone() };
        tx.put(LEDGER, &operation, Expected::Absent, encode(&entry)).await?;
        tx.commit().await?;
        Ok(answer)
    }
}

fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(body).map_err(|error| StoreError::Refused(error.to_string().into()))
}
