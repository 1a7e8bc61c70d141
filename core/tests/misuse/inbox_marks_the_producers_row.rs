//! Rows of an outbox are the producer's: what a handler works with, its own transaction, can settle nobody's.

use seaworthy_core::{
    ids::ClaimToken,
    inbox::HandlerError,
    ports::{Settlement, Transaction},
};

async fn handle(tx: &mut dyn Transaction, token: ClaimToken, dispatched: &[Settlement]) -> Result<(), HandlerError> {
    tx.settle(token, dispatched).await?;
    Ok(())
}

fn main() {}
