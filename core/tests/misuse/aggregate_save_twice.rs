//! Events left over from a failed attempt can't be saved again: a retry loads anew.

use seaworthy_core::{
    aggregate::{Aggregate, Cause, Repository, Tracked},
    ports::Transaction,
};

async fn save<A: Aggregate>(orders: &Repository<A>, tx: &mut dyn Transaction, order: Tracked<A>) {
    if orders.save(tx, order, Cause::New).await.is_err() {
        orders.save(tx, order, Cause::New).await.unwrap();
    }
}

fn main() {}
