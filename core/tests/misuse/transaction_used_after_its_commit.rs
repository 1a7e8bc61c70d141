//! What is written after the commit would belong to nothing.

use seaworthy_core::ports::{Expected, Transaction};

async fn rename(mut tx: Box<dyn Transaction>) {
    tx.commit().await.unwrap();
    tx.put("names", "17", Expected::Any, "\"Ann\"".into()).await.unwrap();
}

fn main() {}
