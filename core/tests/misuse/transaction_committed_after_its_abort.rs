//! A transaction ends once: by a commit, or by being dropped.

use seaworthy_core::ports::Transaction;

async fn give_up(tx: Box<dyn Transaction>) {
    drop(tx);
    tx.commit().await.unwrap();
}

fn main() {}
