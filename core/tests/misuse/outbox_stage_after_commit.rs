//! What is staged after the commit would never be published.

use seaworthy_core::{message::Message, ports::Transaction};

async fn stage(mut tx: Box<dyn Transaction>, message: &Message) {
    tx.commit().await.unwrap();
    tx.stage(message).await.unwrap();
}

fn main() {}
