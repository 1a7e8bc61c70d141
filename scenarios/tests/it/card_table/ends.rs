//! No chip is lost, each join has its seat or its chips back, and each payout reaches somebody: judged by what the stores hold in
//! the end, and by nothing that ships.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_card_table::{
    hands::Hand,
    messages::{FUNDS_RELEASED, Payout},
    players::{JoinState, Wallet, WalletEvent, WalletState},
    tables::Table,
};
use seaworthy_core::{choreography::REJECTED, events::Sourced as _, message::Message};
use seaworthy_scenarios::card_table::{CardTable, Evening};
use seaworthy_sim::{
    generate::generate,
    plan::{Plan, Profile},
    trace::{Effect, What},
    world::{RunOptions, RunReport, run},
};
use smol_str::SmolStr;

/// All that was committed in a run, folded.
pub(super) struct Ends {
    pub(super) wallets: BTreeMap<SmolStr, Wallet>,
    pub(super) tables: BTreeMap<SmolStr, Table>,
    pub(super) hands: BTreeMap<SmolStr, Hand>,
    /// Payouts that were taken, as often as they were.
    pub(super) credited: Vec<Payout>,
    /// Messages that were staged.
    pub(super) staged: Vec<Message>,
}

pub(super) fn ends(evening: &Evening, report: &RunReport) -> Ends {
    let open = |chips: &u64| {
        let mut wallet = Wallet::default();
        wallet.evolve(&WalletEvent::Opened { chips: *chips });
        wallet
    };
    let wallets = evening.players.iter().map(|(player, chips)| (player.clone(), open(chips))).collect();
    let (tables, hands) = (BTreeMap::new(), BTreeMap::new());
    let mut ends = Ends { wallets, tables, hands, credited: Vec::new(), staged: Vec::new() };
    for event in report.trace.iter().flatten() {
        let What::Commit { effects, .. } = &event.what else { continue };
        for effect in effects.iter() {
            match effect {
                Effect::Document { collection, id, body: Some(body), .. } if collection == "table" => {
                    ends.tables.insert(id.clone(), serde_json::from_slice(body).expect("a table"));
                }
                Effect::Document { collection, id, body: Some(body), .. } if collection == "hand" => {
                    ends.hands.insert(id.clone(), serde_json::from_slice(body).expect("a hand"));
                }
                Effect::Staged(message) => {
                    if message.topic == "player" {
                        let event: WalletEvent = message.json().expect("an event of a wallet");
                        ends.wallets.get_mut(&message.subject).expect("a wallet").evolve(&event);
                        if let WalletEvent::Credited(payout) = event {
                            ends.credited.push(payout);
                        }
                    }
                    ends.staged.push((**message).clone());
                }
                _ => {}
            }
        }
    }
    ends
}

pub(super) fn traced(plan: &Plan<Evening>) -> RunReport {
    run(&CardTable::new(), plan, &RunOptions::default().keep_trace(true)).expect("a drawn plan is valid")
}

#[test]
fn seed_22_in_the_end_each_chip_is_in_a_wallet_or_where_its_player_left_it() {
    let (mut kept, mut taken, mut released, mut rejected) = (0, 0, 0, 0);
    for profile in Profile::ALL {
        for seed in 0..30 {
            let plan = generate(&CardTable::new(), seed, profile);
            let report = traced(&plan);
            let about = format!("seed {seed}, {profile:?}: {:?}", plan.faults);
            assert!(report.held(), "{about}: {:?}", report.violations);
            let ends = ends(&plan.workload, &report);

            let mut chips: i64 = ends.wallets.values().map(|wallet| wallet.available).sum();
            for (player, wallet) in &ends.wallets {
                assert!(wallet.available >= 0, "{about}: {player}");
                let open = wallet.joins.values().filter(|join| join.state == JoinState::Reserved).count();
                assert_eq!(open, 0, "{about}: joins of {player} have no end: {:?}", wallet.joins);
            }
            let credited: BTreeSet<&Payout> = ends.credited.iter().collect();
            assert_eq!(credited.len(), ends.credited.len(), "{about}: a payout is taken once");
            for (id, table) in &ends.tables {
                assert!(table.playing.is_none(), "{about}: {id} plays for ever");
                chips += table.seated.iter().map(|seat| (seat.stack + seat.won) as i64).sum::<i64>();
                for payout in &table.payouts {
                    let is_kept = table.kept.contains(&payout.number);
                    assert_ne!(is_kept, credited.contains(payout), "{about}: {payout:?} is taken or kept");
                    if is_kept {
                        assert_eq!(ends.wallets[&payout.player].state, WalletState::Closed, "{about}: {payout:?}");
                        chips += payout.chips as i64;
                        kept += 1;
                    }
                    taken += u32::from(!is_kept);
                }
            }
            assert_eq!(chips, plan.workload.chips(), "{about}");
            assert!(ends.hands.values().all(|hand| hand.over.is_some()), "{about}: {:?}", ends.hands);

            let is = |kind: &'static str| move |message: &&Message| message.kind == kind;
            let of_joins = |message: &&Message| message.topic == "player.rejections";
            released += ends.staged.iter().filter(is(FUNDS_RELEASED)).count();
            rejected += ends.staged.iter().filter(is(REJECTED)).filter(of_joins).count();
        }
    }
    assert!(kept > 10 && taken > 100, "{kept} kept, {taken} taken");
    assert_eq!(released, rejected, "one release for each rejection");
    assert!(released > 100, "{released}");
}

#[test]
fn seed_23_a_join_at_a_full_table_is_released_with_that_reason_once() {
    let mut full = 0;
    for profile in Profile::ALL {
        for seed in 0..30 {
            let plan = generate(&CardTable::new(), seed, profile);
            let report = traced(&plan);
            let ends = ends(&plan.workload, &report);
            let mut joins = BTreeSet::new();
            for message in ends.staged.iter().filter(|message| message.kind == FUNDS_RELEASED) {
                let WalletEvent::FundsReleased(release) = message.json().expect("an event") else {
                    panic!("{message:?}")
                };
                assert!(joins.insert(release.join.clone()), "seed {seed}, {profile:?}: {release:?} comes twice");
                let join = &ends.wallets[&message.subject].joins[&release.join];
                assert_eq!((join.state, join.chips), (JoinState::Released, release.chips));
                full += u32::from(release.reason.contains("table_full"));
            }
        }
    }
    assert!(full > 30, "{full} joins found their table full");
}
