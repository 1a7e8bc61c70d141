//! Rejections: they go back to their source once, whatever crashes, and the source undoes what the one command stood for.

mod crashes;
mod follow_ups;

use std::time::Duration;

use seaworthy_core::{choreography::Rejection, message::Message, ports::Random as _};

use crate::support::{
    Dice, World,
    card_room::{Player, open, player, table},
    on_each_store,
};

const SECOND: Duration = Duration::from_secs(1);

fn rejections(world: &World) -> Vec<Rejection> {
    world.sent("command.rejected").iter().map(|message| message.json().expect("a rejection")).collect()
}

#[test]
fn seed_24_of_two_joins_of_one_player_only_the_rejected_one_is_released() {
    // Trap 06.
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100)], [table("full", 0), table("free", 6)]).await;
        // The seat at the free table is not confirmed before the other join has been rejected.
        let slow = Duration::from_secs(30);
        let clock = world.ports.clock.clone();
        world.broker.says(move |message, _| {
            match &*message.kind == "player.seated" && clock.now().as_millis() < 30_000 {
                true => Err(seaworthy_core::ports::PublishError::Unavailable("slow".into())),
                false => Ok(()),
            }
        });
        open(&world.ports);
        world.change_player("ann", |player| player.join("full", 30)).await;
        world.change_player("ann", |player| player.join("free", 25)).await;
        world.pass(slow / 2).await;
        let ann = world.player("ann").await;
        assert_eq!((ann.chips, ann.joins.clone()), (75, [("free".to_owned(), 25)].into()), "30 of 55 came back");
        world.pass(600 * SECOND).await;
        let ann = world.player("ann").await;
        assert_eq!((ann.chips, ann.joins.len(), world.table("free").await.seated["ann"]), (75, 0, 25));
        assert_eq!(world.sent("funds.released").len(), 1);
    });
}

#[test]
fn seed_22_of_a_settlement_some_of_whose_payouts_are_rejected_the_others_are_paid_once_and_no_chip_is_lost() {
    let dice = Dice::seeded(22);
    for _ in 0..4 {
        let barred: Vec<bool> = (0..10).map(|_| dice.next_u64().is_multiple_of(3)).collect();
        on_each_store(async |world| {
            world.declare_room();
            let names: Vec<String> = (0..barred.len()).map(|at| format!("p-{at}")).collect();
            let some = names.iter().zip(&barred).map(|(id, barred)| Player { barred: *barred, ..player(id, 0) });
            world.furnish(some, [table("t-1", 10)]).await;
            open(&world.ports);
            let payouts: Vec<(String, u64)> =
                names.iter().zip(1..).map(|(name, chips)| (name.clone(), chips)).collect();
            world.change_table("t-1", |table| table.settle(&payouts)).await;
            world.pass(120 * SECOND).await;
            for ((name, chips), barred) in payouts.iter().zip(&barred) {
                let player = world.player(name).await;
                let expected = if *barred { (0, 0) } else { (*chips, 1) };
                assert_eq!((player.chips, player.credits), expected, "{name}");
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(world.chips(&names, &["t-1"]).await, 55, "what nobody would take is owed");
            let count = barred.iter().filter(|barred| **barred).count();
            assert_eq!((world.sent("command.rejected").len(), world.sent("credit.funds").len()), (count, 10));
            world.assert_at_rest().await;
        });
    }
}

#[test]
fn seed_20_all_that_follows_from_one_message_is_a_tree_under_one_correlation_id() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100), player("bob", 100)], [table("t-1", 1)]).await;
        open(&world.ports);
        // One finds the table changed, is stale, comes again, and finds it full.
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.change_player("bob", |player| player.join("t-1", 40)).await;
        world.pass(60 * SECOND).await;
        let mut all: std::collections::BTreeMap<_, Message> = Default::default();
        for (_, message) in world.broker.accepted() {
            all.insert(message.id, message);
        }
        let kinds: std::collections::BTreeSet<&str> = all.values().map(|message| &*message.kind).collect();
        for kind in
            ["seat.player", "player.seated", "confirm.join", "command.stale", "command.rejected", "funds.released"]
        {
            assert!(kinds.contains(kind), "{kind} is missing: {kinds:?}");
        }
        let roots: Vec<&Message> = all.values().filter(|message| message.causation_id.is_none()).collect();
        assert_eq!(roots.len(), 2, "two joins");
        for message in all.values() {
            let (mut at, mut steps) = (message, 0);
            while let Some(cause) = at.causation_id {
                at = all.get(&cause).unwrap_or_else(|| panic!("{} was caused by nobody", at.kind));
                assert_eq!(at.correlation_id, message.correlation_id, "{} and its cause {}", message.kind, at.kind);
                steps += 1;
                assert!(steps < all.len(), "a circle");
            }
            assert_eq!((&*at.kind, at.id.0), ("funds.reserved", message.correlation_id), "each ends at its root");
        }
    });
}
