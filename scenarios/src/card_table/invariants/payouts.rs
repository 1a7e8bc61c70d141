use std::collections::{BTreeMap, BTreeSet};

use seaworthy_card_table::{
    messages::{CREDITED, Payout},
    players::{WalletEvent, WalletState},
    tables::Table,
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::SmolStr;

use super::wallets::{Wallets, on_wallets};
use crate::card_table::Evening;

/// A payout by its table and number.
type Id = (SmolStr, u32);

#[derive(Default)]
struct Payouts {
    promised: BTreeMap<Id, (u64, u64)>,
    credited: BTreeSet<Id>,
    kept: BTreeSet<Id>,
}

impl Payouts {
    fn twice(&self) -> Result<(), Broken> {
        let both = self.credited.intersection(&self.kept).next();
        both.map_or(Ok(()), |(table, number)| {
            Err(Broken::new(table.as_str(), format!("payout {number} of {table} is taken, and kept")))
        })
    }
}

/// Each payout is taken by its wallet, or kept by its table: once.
pub(super) fn taken_or_kept() -> Box<dyn Invariant> {
    always("payouts-end-once", Payouts::default())
        .on_document("table", |payouts, table: Written<'_, Table>| {
            for Payout { table: id, number, chips, .. } in &table.value.payouts {
                payouts.promised.entry((id.clone(), *number)).or_insert((*chips, table.event.number));
            }
            payouts.kept.extend(table.value.kept.iter().map(|number| (table.id.clone(), *number)));
            payouts.twice()
        })
        .on_staged(CREDITED, |payouts, message, event| {
            let Ok(WalletEvent::Credited(payout)) = message.json() else { return Ok(()) };
            let (id, player) = ((payout.table, payout.number), payout.player);
            if payouts.promised.get(&id).is_none_or(|(chips, _)| *chips != payout.chips) {
                return Err(
                    Broken::new(player.as_str(), format!("{player} is paid what no table has promised")).at(event)
                );
            }
            let (table, number) = id.clone();
            if !payouts.credited.insert(id) {
                let sentence = format!("{player} has taken payout {number} of {table} twice");
                return Err(Broken::new(player.as_str(), sentence).at(event));
            }
            payouts.twice()
        })
        .at_rest(|payouts| {
            let Payouts { promised, credited, kept } = std::mem::take(payouts);
            let open = promised.into_iter().filter(move |(id, _)| !credited.contains(id) && !kept.contains(id));
            open.map(|((table, number), (chips, event))| {
                let sentence = format!("payout {number} of {table}, of {chips} chips, reaches nobody");
                Broken::new(table.as_str(), sentence).at(event)
            })
        })
        .boxed()
}

/// A table keeps nothing but what is owed to players who have left for good.
pub(super) fn kept_only_from_who_left(evening: &Evening) -> Box<dyn Invariant> {
    let property = always("kept-only-from-who-left", Wallets::opened(evening)).on_document(
        "table",
        |wallets, table: Written<'_, Table>| {
            let kept = table.value.payouts.iter().filter(|payout| table.value.kept.contains(&payout.number));
            for Payout { number, player, chips, .. } in kept {
                if wallets.0.get(player).is_none_or(|wallet| wallet.state != WalletState::Closed) {
                    let sentence =
                        format!("{} keeps {chips} chips of {player}, who is still here (payout {number})", table.id);
                    return Err(Broken::new(table.id.as_str(), sentence).at(table.event));
                }
            }
            Ok(())
        },
    );
    on_wallets(property, |wallets, message, _| wallets.hear(message).map(drop)).boxed()
}
