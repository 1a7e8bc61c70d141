//! Mistakes between the broker and the effect of a message.

pub mod ack_before_commit;
pub mod effect_then_mark;
pub mod mark_then_effect;

use seaworthy_core::{
    inbox::HandlerError,
    ports::{Delivery, Ports},
    wake::Wake,
};
use seaworthy_sim::scenario::Topology;

use super::by_hand::{Acknowledge, consume};
use crate::small::{FRONT, ITEMS, MAILER, SmallService, front};

/// All specimens of this family, each with its right twin behind it.
pub fn all() -> Vec<(SmallService, SmallService)> {
    vec![effect_then_mark::pair(), mark_then_effect::pair(), ack_before_commit::pair()]
}

/// A service that takes items, and one that receives the messages which tell of them and has each handled by `handle`.
fn topology<F>(
    acknowledge: Acknowledge,
    handle: impl Fn(Ports, Delivery) -> F + Copy + Send + Sync + 'static,
) -> Topology
where
    F: Future<Output = Result<(), HandlerError>> + Send + 'static,
{
    let mailer = move |ports| consume(ports, (MAILER, ITEMS), Wake::new(), acknowledge, handle);
    Topology::new().service(FRONT).run(front).service(MAILER).run(mailer).group(MAILER, &[ITEMS])
}
