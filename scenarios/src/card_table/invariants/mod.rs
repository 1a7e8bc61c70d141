//! Invariants of the card table, read from what the three domains write: documents of tables and hands, events of wallets.

mod chips;
mod hands;
mod payouts;
mod seats;
mod wallets;

use seaworthy_card_table::{
    messages::{CREDITED, FUNDS_RELEASED, HAND_SETTLED, OVER, PAID_OUT, PaidOut},
    tables::Table,
};
use seaworthy_sim::{
    invariants::{Interest, Invariant},
    prelude::*,
};

use super::Evening;

/// The business invariants of an evening.
pub(super) fn business(evening: &Evening) -> Vec<Box<dyn Invariant>> {
    let happened = |goal, kind| sometimes(goal, ()).on_staged(kind, |(), _, _| true).boxed();
    let paid_twice = sometimes("player-paid-twice-at-once", ()).on_staged(PAID_OUT, |(), message, _| {
        let Ok(PaidOut { payouts }) = message.json() else { return false };
        payouts.windows(2).any(|two| two[0].player == two[1].player)
    });
    let kept =
        sometimes("payout-kept", ()).on_document("table", |(), table: Written<'_, Table>| !table.value.kept.is_empty());
    vec![
        chips::at_each_commit(evening),
        chips::all_there_in_the_end(),
        chips::reserved_for_joins(),
        seats::seats(evening),
        seats::one_seat_each(),
        seats::joins_end(),
        hands::life_cycle(),
        hands::settled_once(),
        payouts::taken_or_kept(),
        payouts::kept_only_from_who_left(evening),
        happened("join-released", FUNDS_RELEASED),
        happened("hand-over", OVER),
        happened("hand-settled", HAND_SETTLED),
        happened("payout-credited", CREDITED),
        hands::somebody_idle().boxed(),
        paid_twice.boxed(),
        kept.boxed(),
        sometimes("duplicate-absorbed", ()).on_event(Interest::DUPLICATE_SEEN, |(), _| true).boxed(),
    ]
}
