//! State is changed where transitions are recorded, and nowhere else.

use seaworthy_core::aggregate::{Aggregate, Tracked};

fn overwrite<A: Aggregate>(order: &mut Tracked<A>, other: A) {
    **order = other;
}

fn main() {}
