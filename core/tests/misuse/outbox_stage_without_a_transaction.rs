//! A message is published if, and only if, the transaction that staged it commits: a store alone can't stage one.

use seaworthy_core::{message::Message, ports::Store};

async fn stage(store: &dyn Store, message: &Message) {
    store.stage(message).await.unwrap();
}

fn main() {}
