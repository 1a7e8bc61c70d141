//! A settlement of a hundred players, one of whom has left.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_card_table::{hands::Act, messages::Funds, players::WalletState};
use seaworthy_scenarios::card_table::{CardTable, Evening, Round};
use seaworthy_sim::{
    generate::generate,
    plan::{Plan, Profile},
};
use smol_str::{SmolStr, format_smolstr};

use super::ends::{ends, traced};

/// A hundred players who sit down at one table one after the other, and play one hand; one of them leaves for good before the
/// settlement.
fn hundred() -> Evening {
    let players: BTreeMap<SmolStr, u64> = (1..=100).map(|player| (format_smolstr!("p-{player}"), 10)).collect();
    let join = |player: &SmolStr| Funds {
        player: player.clone(),
        join: format_smolstr!("j-{player}"),
        table: "t-1".into(),
        chips: 8,
    };
    let joins = players.keys().map(join).collect();
    // The others do nothing, and are folded.
    let acts = BTreeMap::from(["p-1", "p-7"].map(|player| (SmolStr::from(player), Act::Hold)));
    let table = SmolStr::from("t-1");
    let (gives_up, leaves) = (None, Some("p-9".into()));
    let round = Round { at_ms: 0, table, seats: 100, joins, pause_ms: 60, stake: 3, acts, gives_up, leaves };
    Evening { players, rounds: vec![round] }
}

#[test]
fn seed_21_a_table_of_a_hundred_is_settled_to_each_of_them_whatever_strikes() {
    for (seed, profile) in (0..).zip([Profile::Calm, Profile::Crash, Profile::LostReply, Profile::Everything]) {
        let plan = Plan { workload: hundred(), ..generate(&CardTable::new(), seed, profile) };
        let report = traced(&plan);
        assert!(report.held(), "{profile:?}: {:?}", report.violations);
        let ends = ends(&plan.workload, &report);
        let table = &ends.tables["t-1"];
        let chips = |is_kept: bool| -> u64 {
            let some = table.payouts.iter().filter(|payout| table.kept.contains(&payout.number) == is_kept);
            some.map(|payout| payout.chips).sum()
        };
        assert_eq!(ends.credited.iter().map(|payout| payout.chips).sum::<u64>(), chips(false), "{profile:?}");
        if profile == Profile::Calm {
            let paid: BTreeSet<&SmolStr> = table.payouts.iter().map(|payout| &payout.player).collect();
            // Both winners are paid twice: the rest of their stacks, and what they have won.
            assert_eq!((paid.len(), table.payouts.len(), table.is_settled), (100, 102, true));
            assert_eq!((chips(false) + chips(true), chips(true)), (800, 5));
            assert_eq!(ends.wallets["p-9"].state, WalletState::Closed);
        }
    }
}
