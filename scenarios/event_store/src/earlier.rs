//! Events as the earlier release wrote them: in whole units, and in one stream after the other.

use std::collections::BTreeMap;

use bytes::Bytes;
use seaworthy_core::{
    message::{Message, MessageBuilder},
    ports::{EventAppend, ExpectedVersion, Store, StoreError, Timestamp},
};
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

use crate::messages::{BANK, CASH, CREDITED, DEBITED};

/// Ids of what the earlier release wrote lie below this one.
const EARLIER: Uuid = Uuid::from_u128(0xb00c_0001_0c5e_4b8e_a4d3_5f0e_7a11_9d26);

/// Opens these accounts with so many units from [`CASH`], as of a moment: the first event of each, and one of `CASH` for each.
///
/// # Errors
/// Any [`StoreError`].
pub async fn open(store: &dyn Store, units: &BTreeMap<SmolStr, u32>, at: Timestamp) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (account, units) in units {
        for (side, kind) in [(account.as_str(), CREDITED), (CASH, DEBITED)] {
            let event = event(kind, side, &[account, kind], *units, at);
            tx.append_events(&EventAppend::new(stream(side), ExpectedVersion::Any, vec![event])).await?;
        }
    }
    tx.commit().await
}

/// Returns the stream of an account.
pub fn stream(account: &str) -> SmolStr {
    format_smolstr!("account-{account}")
}

/// Returns an event in the form of then: `{"Credited":{"amount":5}}`.
fn event(kind: &str, account: &str, id: &[&str], units: u32, at: Timestamp) -> Message {
    let name = kind.trim_start_matches("account.");
    let data = Bytes::from(format!(r#"{{"{name}":{{"amount":{units}}}}}"#));
    MessageBuilder::new(BANK, kind, account).data("application/json", data).derive(EARLIER, id, at)
}
