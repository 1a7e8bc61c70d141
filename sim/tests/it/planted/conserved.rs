//! What one account gives is taken in one transaction and given to the other in the next. Who dies in between has made
//! money vanish. That the sum stands is all that the scenario says.

use seaworthy_core::ports::{Expected, Ports, StoreError, Transaction};
use seaworthy_sim::scenario::{Conserved, Topology};

use crate::small_service::{Answer, Service, messaging::fronts, serve};

pub(super) const WRONG: Service = Service::wrong("takes-and-then-gives", topology);

fn topology(is_right: bool) -> Topology {
    transferring(is_right).conserved(Conserved::new("money").plus_documents("front", "accounts", "cents").at_rest())
}

/// The same without a word about money.
pub(super) fn transferring(is_right: bool) -> Topology {
    fronts(move |boot| {
        serve(boot.ports, move |ports, name| Box::pin(async move { transfer(&ports, &name, is_right).await }))
    })
}

async fn transfer(ports: &Ports, name: &str, is_right: bool) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    if tx.get("transfers", name).await?.is_some() {
        return Ok(Answer::Yes);
    }
    tx.put("transfers", name, Expected::Absent, b"1".to_vec().into()).await?;
    add(&mut *tx, "ann", -100).await?;
    if !is_right {
        tx.commit().await?;
        tx = ports.store.begin().await?;
    }
    add(&mut *tx, "bob", 100).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

async fn add(tx: &mut dyn Transaction, account: &str, cents: i64) -> Result<(), StoreError> {
    let found = tx.get("accounts", account).await?;
    let balance = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok()?["cents"].as_i64();
    let before = found.as_ref().and_then(|document| balance(&document.body)).unwrap_or(0);
    let expected = found.map_or(Expected::Absent, |document| Expected::Version(document.version));
    let body = serde_json::json!({ "cents": before + cents }).to_string();
    tx.put("accounts", account, expected, body.into()).await?;
    Ok(())
}
