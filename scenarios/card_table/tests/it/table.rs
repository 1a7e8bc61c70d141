//! Seats, hands and payouts of a table: no chip is made or lost, whatever is asked of it.

use proptest::prelude::*;
use seaworthy_card_table::{
    messages::{Funds, HandOver, PaidOut},
    tables::{NoMove, NoSeat, Table, TableEvent},
};
use seaworthy_core::aggregate::{Aggregate as _, DomainEvent as _};
use smol_str::{SmolStr, format_smolstr};

fn funds(player: &str, join: &str, chips: u64) -> Funds {
    Funds { player: player.into(), join: join.into(), table: "t-1".into(), chips }
}

fn two_seated() -> Table {
    let mut table = Table::new("t-1", 2);
    table.seat(funds("ann", "j-1", 10)).expect("a free seat");
    table.seat(funds("bob", "j-2", 10)).expect("a free seat");
    table
}

/// All chips that are at a table, or that it has promised and nobody has taken.
fn chips(table: &Table) -> u64 {
    let at_seats: u64 = table.seated.iter().map(|seat| seat.stack + seat.won).sum();
    let at_stake = table.playing.as_ref().map_or(0, |playing| playing.pot());
    at_seats + at_stake + table.payouts.iter().map(|payout| payout.chips).sum::<u64>()
}

#[test]
fn nobody_sits_twice_and_nobody_beyond_the_last_seat() {
    let mut table = two_seated();
    assert_eq!(table.seat(funds("ann", "j-3", 5)), Err(NoSeat::SeatedAlready));
    assert_eq!(table.seat(funds("cid", "j-4", 5)), Err(NoSeat::TableFull));
    assert_eq!((table.seated.len(), chips(&table)), (2, 20));
}

#[test]
fn a_hand_that_is_asked_for_again_is_begun_once_and_nobody_leaves_while_it_is_played() {
    let mut table = two_seated();
    for _ in 0..2 {
        assert_eq!(table.start(1, 4), Ok(()));
    }
    assert_eq!(
        (table.start(2, 4), table.give_up("j-1"), table.settle()),
        (Err(NoMove::Playing), Err(NoMove::Playing), Err(NoMove::Playing))
    );
    let over = HandOver { hand: "t-1-h1".into(), table: "t-1".into(), winnings: vec![("ann".into(), 8)] };
    assert_eq!(table.settle_hand(&over), Ok(()));
    assert_eq!(table.settle_hand(&over), Err(NoMove::NotPlaying), "it is settled once");
    assert_eq!((table.start(1, 4), table.playing.clone()), (Ok(()), None), "an old number begins nothing");
    assert_eq!((table.start(2, 9), chips(&table)), (Err(NoMove::TooFew), 20));
}

#[test]
fn seed_21_a_player_who_has_won_is_paid_twice_at_once_and_the_sum_is_what_was_there() {
    let mut table = two_seated();
    table.start(1, 4).expect("two with enough");
    let over = HandOver { hand: "t-1-h1".into(), table: "t-1".into(), winnings: vec![("ann".into(), 8)] };
    table.settle_hand(&over).expect("it is played");
    let before = table.clone();
    assert_eq!((table.settle(), table.settle()), (Ok(()), Ok(())));
    let Some(TableEvent::PaidOut(PaidOut { payouts })) = Table::transition(Some(&before), &table) else {
        panic!("no payouts: {table:?}");
    };
    let paid: Vec<(&str, u64)> = payouts.iter().map(|payout| (&*payout.player, payout.chips)).collect();
    assert_eq!(paid, [("ann", 6), ("ann", 8), ("bob", 6)]);
    assert_eq!((table.start(2, 1), table.give_up("j-1")), (Err(NoMove::Settled), Err(NoMove::Settled)));
}

proptest! {
    #[test]
    fn whatever_is_asked_of_a_table_its_chips_add_up_and_each_change_is_told_once(
        seats in 1_usize..4,
        asked in proptest::collection::vec((0_u8..5, 0_u8..4, 1_u64..9), 0..40),
    ) {
        let mut table = Table::new("t-1", seats);
        let mut brought = 0;
        for (number, (what, who, amount)) in (1_u32..).zip(asked) {
            let before = table.clone();
            let player: SmolStr = format_smolstr!("p-{who}");
            let is_done = match what {
                0 => table.seat(funds(&player, &format_smolstr!("j-{number}"), amount)).is_ok(),
                1 => table.start(number, amount.min(3)).is_ok(),
                2 => table.playing.clone().is_some_and(|playing| {
                    let (hand, table_id, pot) = (playing.hand.clone(), playing.table.clone(), playing.pot());
                    let winner = playing.players[usize::from(who) % playing.players.len()].clone();
                    table.settle_hand(&HandOver { hand, table: table_id, winnings: vec![(winner, pot)] }).is_ok()
                }),
                3 => before.seated.get(usize::from(who)).is_some_and(|seat| table.give_up(&seat.join).is_ok()),
                _ => amount == 8 && table.settle().is_ok(),
            };
            brought += if is_done && what == 0 { amount } else { 0 };
            prop_assert_eq!(chips(&table), brought);
            prop_assert!(table.seated.len() <= seats);
            let mut players: Vec<_> = table.seated.iter().map(|seat| &seat.player).collect();
            players.sort_unstable();
            players.dedup();
            prop_assert_eq!(players.len(), table.seated.len(), "nobody sits twice");
            let told = Table::transition(Some(&before), &table).map(|event| event.name());
            let expected = match (what, before == table) {
                (_, true) => None,
                (0, _) => Some("PlayerSeated"),
                (1, _) => Some("HandStarted"),
                (2, _) => Some("HandSettled"),
                // Who leaves without a chip is paid nothing.
                _ => (table.payouts.len() > before.payouts.len()).then_some("PaidOut"),
            };
            prop_assert_eq!(told, expected);
        }
    }
}
