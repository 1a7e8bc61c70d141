use std::collections::{BTreeMap, BTreeSet};

use seaworthy_card_table::{
    hands::Hand,
    messages::{CREDITED, FUNDS_RELEASED, FUNDS_RESERVED, Funds, HandStarted, Payout, Release},
    players::{JoinState, WalletEvent},
    tables::Table,
};
use seaworthy_core::message::Message;
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

use super::wallets::{Wallets, on_wallets};
use crate::card_table::Evening;

/// Everything that holds chips, as it was last written.
struct Holders {
    wallets: Wallets,
    tables: BTreeMap<SmolStr, Table>,
    hands: BTreeMap<SmolStr, Hand>,
    /// Joins whose chips a table has, or had.
    seated: BTreeSet<SmolStr>,
    /// Payouts that a wallet has taken, by table and number.
    credited: BTreeSet<(SmolStr, u32)>,
    /// Chips in all before the first round.
    total: i64,
}

/// Chips are in wallets, reserved for joins, at seats, at stake in hands, or promised as payouts: at each commit of any of the
/// three domains they are as many as at the start. What is between two domains counts where it comes from until the other has it.
pub(super) fn at_each_commit(evening: &Evening) -> Box<dyn Invariant> {
    let holders = Holders {
        wallets: Wallets::opened(evening),
        tables: BTreeMap::new(),
        hands: BTreeMap::new(),
        seated: BTreeSet::new(),
        credited: BTreeSet::new(),
        total: evening.chips(),
    };
    let property = always("chips-conserved", holders)
        .on_document("table", |holders, table: Written<'_, Table>| {
            holders.seated.extend(table.value.seated.iter().map(|seat| seat.join.clone()));
            holders.tables.insert(table.id.clone(), table.value.clone());
            holders.judge(table.id)
        })
        .on_document("hand", |holders, hand: Written<'_, Hand>| {
            holders.hands.insert(hand.id.clone(), hand.value.clone());
            holders.judge(hand.id)
        });
    let hear = |holders: &mut Holders, message: &Message, _: &Event| {
        if let WalletEvent::Credited(Payout { table, number, .. }) = holders.wallets.hear(message)? {
            holders.credited.insert((table, number));
        }
        holders.judge(&message.subject)
    };
    on_wallets(property, hear).boxed()
}

/// In the end tables have, or keep, what wallets have confirmed and were not paid back.
pub(super) fn all_there_in_the_end() -> Box<dyn Invariant> {
    let signed = |chips: u64| i64::try_from(chips).unwrap_or(i64::MAX);
    let at_table = move |table: &Table| {
        let at_seats = table.seated.iter().map(|seat| seat.stack + seat.won).sum::<u64>();
        let at_stake = table.playing.as_ref().map_or(0, HandStarted::pot);
        let kept = table.payouts.iter().filter(|payout| table.kept.contains(&payout.number));
        signed(at_seats + at_stake + kept.map(|payout| payout.chips).sum::<u64>())
    };
    conserved("chips")
        .on_document("table", at_table)
        .on_appended("wallet.join_confirmed", move |funds: &Funds| -signed(funds.chips))
        .on_appended(CREDITED, move |payout: &Payout| signed(payout.chips))
        .at_rest()
        .boxed()
}

/// In the end all chips that were ever reserved went to a table or were released: nobody's join takes those of another.
pub(super) fn reserved_for_joins() -> Box<dyn Invariant> {
    let signed = |chips: u64| i64::try_from(chips).unwrap_or(i64::MAX);
    conserved("chips-reserved")
        .on_appended(FUNDS_RESERVED, move |funds: &Funds| signed(funds.chips))
        .on_appended("wallet.join_confirmed", move |funds: &Funds| -signed(funds.chips))
        .on_appended(FUNDS_RELEASED, move |release: &Release| -signed(release.chips))
        .at_rest()
        .boxed()
}

impl Holders {
    fn judge(&self, changed: &SmolStr) -> Result<(), Broken> {
        let signed = |chips: u64| i64::try_from(chips).unwrap_or(i64::MAX);
        let (mut free, mut reserved, mut at_seats, mut at_stake, mut promised) = (0, 0, 0, 0, 0);
        for (player, wallet) in &self.wallets.0 {
            if wallet.available < 0 {
                return Err(Broken::new(player.as_str(), format!("{player} has {} chips", wallet.available)));
            }
            free += wallet.available;
            let under_way = wallet.joins.iter().filter(|(id, join)| {
                // The table has the others, also before the wallet has heard of it.
                join.state == JoinState::Reserved && !self.seated.contains(*id)
            });
            reserved += under_way.map(|(_, join)| signed(join.chips)).sum::<i64>();
        }
        for table in self.tables.values() {
            at_seats += table.seated.iter().map(|seat| signed(seat.stack + seat.won)).sum::<i64>();
            if let Some(playing) = &table.playing {
                let over = self.hands.get(&playing.hand).and_then(|hand| hand.over.as_ref());
                at_stake += over.map_or_else(
                    || signed(playing.pot()),
                    |over| over.winnings.iter().map(|(_, chips)| signed(*chips)).sum(),
                );
            }
            let open = table.payouts.iter().filter(|payout| {
                let id = (payout.table.clone(), payout.number);
                !self.credited.contains(&id)
            });
            promised += open.map(|payout| signed(payout.chips)).sum::<i64>();
        }
        let (sum, total) = (free + reserved + at_seats + at_stake + promised, self.total);
        if sum == total {
            return Ok(());
        }
        let sentence = format!(
            "there are {sum} chips, and there were {total}: {free} in wallets, {reserved} reserved, {at_seats} at seats, \
             {at_stake} at stake, {promised} promised"
        );
        Err(Broken::new(changed.as_str(), sentence))
    }
}
