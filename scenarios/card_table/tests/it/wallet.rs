//! A wallet is the fold of its events, and no chip gets lost in it.

use proptest::prelude::*;
use seaworthy_card_table::{
    messages::{Funds, NOT_OPEN, Payout},
    players::{JoinState, NoDeal, Wallet, WalletCommand, WalletEvent, WalletState},
};
use seaworthy_core::events::Sourced as _;
use smol_str::{SmolStr, format_smolstr};

fn funds(join: &str, chips: u64) -> Funds {
    Funds { player: "ann".into(), join: join.into(), table: "t-1".into(), chips }
}

fn open(chips: u64) -> Wallet {
    let mut wallet = Wallet::default();
    wallet.evolve(&WalletEvent::Opened { chips });
    wallet
}

fn release(join: &str) -> WalletCommand {
    WalletCommand::Release { join: join.into(), reason: "table_full".into() }
}

/// Carries out a command, if the wallet does not refuse.
fn execute(wallet: &mut Wallet, command: &WalletCommand) -> Result<usize, NoDeal> {
    let events = wallet.decide(command)?;
    events.iter().for_each(|event| wallet.evolve(event));
    Ok(events.len())
}

/// What is reserved for joins whose fate is not known.
fn reserved(wallet: &Wallet) -> i64 {
    let open = wallet.joins.values().filter(|join| join.state == JoinState::Reserved);
    open.map(|join| i64::try_from(join.chips).expect("few")).sum()
}

#[test]
fn seed_24_of_two_joins_at_once_the_rejected_one_gives_back_what_it_reserved_and_no_more() {
    let mut ann = open(100);
    for (join, chips) in [("j-1", 30), ("j-2", 50)] {
        assert_eq!(execute(&mut ann, &WalletCommand::Reserve(funds(join, chips))), Ok(1));
    }
    assert_eq!((ann.available, reserved(&ann)), (20, 80));
    assert_eq!(execute(&mut ann, &release("j-1")), Ok(1));
    assert_eq!((ann.available, reserved(&ann)), (50, 50));
    // Told again, it has been done; of the other one nobody has said so.
    assert_eq!(execute(&mut ann, &release("j-1")), Ok(0));
    assert_eq!(execute(&mut ann, &WalletCommand::Confirm(funds("j-1", 30))), Err(NoDeal::NoSuchJoin));
    assert_eq!(execute(&mut ann, &WalletCommand::Confirm(funds("j-2", 50))), Ok(1));
    assert_eq!(execute(&mut ann, &release("j-2")), Err(NoDeal::NoSuchJoin), "the table has these");
    assert_eq!((ann.available, reserved(&ann)), (50, 0));
}

#[test]
fn who_has_left_takes_nothing_more_and_leaves_only_without_a_join_under_way() {
    let mut ann = open(10);
    let payout = Payout { table: "t-1".into(), number: 0, player: "ann".into(), chips: 5 };
    assert_eq!(execute(&mut ann, &WalletCommand::Reserve(funds("j-1", 4))), Ok(1));
    assert_eq!(execute(&mut ann, &WalletCommand::Close), Err(NoDeal::JoinUnderWay));
    assert_eq!(execute(&mut ann, &WalletCommand::Confirm(funds("j-1", 4))), Ok(1));
    assert_eq!(execute(&mut ann, &WalletCommand::Credit(payout.clone())), Ok(1));
    assert_eq!((execute(&mut ann, &WalletCommand::Close), execute(&mut ann, &WalletCommand::Close)), (Ok(1), Ok(0)));
    assert_eq!(execute(&mut ann, &WalletCommand::Credit(payout)), Err(NoDeal::NotOpen));
    assert_eq!(execute(&mut ann, &WalletCommand::Reserve(funds("j-2", 1))), Err(NoDeal::NotOpen));
    assert_eq!((ann.available, ann.state), (11, WalletState::Closed));
    // Its table knows the reason by this name alone.
    assert_eq!(serde_json::to_value(NoDeal::NotOpen).expect("a form"), NOT_OPEN);
}

#[test]
fn a_wallet_that_nobody_opened_refuses_and_a_join_that_is_asked_for_again_is_the_same_one() {
    let mut nobody = Wallet::default();
    assert_eq!(execute(&mut nobody, &WalletCommand::Reserve(funds("j-1", 1))), Err(NoDeal::NotOpen));
    assert_eq!(execute(&mut nobody, &WalletCommand::Close), Err(NoDeal::NotOpen));
    let mut ann = open(10);
    let asked = WalletCommand::Reserve(funds("j-1", 6));
    assert_eq!((execute(&mut ann, &asked), execute(&mut ann, &asked)), (Ok(1), Ok(0)));
    assert_eq!(execute(&mut ann, &WalletCommand::Reserve(funds("j-1", 7))), Err(NoDeal::NoSuchJoin), "another one");
    assert_eq!(execute(&mut ann, &WalletCommand::Reserve(funds("j-2", 5))), Err(NoDeal::NotEnough));
    assert_eq!(ann.available, 4);
}

proptest! {
    #[test]
    fn whatever_is_asked_of_a_wallet_it_is_never_overdrawn_and_its_chips_add_up(
        asked in proptest::collection::vec((0_u8..5, 0_u8..4, 1_u64..40), 0..40),
    ) {
        let mut wallet = open(60);
        // Chips of the joins that a table has, less what it has paid.
        let (mut seated, mut paid) = (0_i64, 0_i64);
        for (number, (what, join, chips)) in (0_u32..).zip(asked) {
            let id: SmolStr = format_smolstr!("j-{join}");
            let known = wallet.joins.get(&id).map_or(0, |join| join.chips);
            let command = match what {
                0 => WalletCommand::Reserve(funds(&id, chips)),
                1 => WalletCommand::Confirm(funds(&id, known)),
                2 => release(&id),
                3 => WalletCommand::Credit(Payout { table: "t-1".into(), number, player: "ann".into(), chips }),
                _ => WalletCommand::Close,
            };
            if let Ok(events) = execute(&mut wallet, &command) {
                match command {
                    WalletCommand::Confirm(funds) if events > 0 => seated += i64::try_from(funds.chips).expect("few"),
                    WalletCommand::Credit(payout) => paid += i64::try_from(payout.chips).expect("few"),
                    _ => {}
                }
            }
            prop_assert!(wallet.available >= 0);
            prop_assert_eq!(wallet.available + reserved(&wallet) + seated - paid, 60);
        }
    }
}
