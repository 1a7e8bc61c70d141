//! Commands of one event for one aggregate, of which an earlier one does not come to an end: those after it wait, and are never
//! rejected for that.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    choreography::{CommandHandlers, waits_for_turn},
    inbox::{Consumer, ConsumerConfig},
    outbox::Relay,
};

use crate::support::{
    World,
    card_room::{Funds, Player, Players, player, players, table, table_to_player},
    on_each_store,
};

const SECOND: Duration = Duration::from_secs(1);

/// The consumer of commands to players, which panics at payouts of five chips as long as it is broken, and notes what it pays.
struct Cashier {
    consumer: Consumer,
    is_broken: Arc<AtomicBool>,
    paid: Arc<Mutex<Vec<u64>>>,
}

impl Cashier {
    fn new(world: &World, patience: u32) -> Self {
        let (is_broken, paid) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
        let credit = {
            let (is_broken, paid) = (is_broken.clone(), paid.clone());
            move |player: &mut Player, credit: Funds| {
                assert!(credit.chips != 5 || !is_broken.load(Ordering::Relaxed), "nobody has thought of five chips");
                player.chips += credit.chips;
                player.credits += 1;
                paid.lock().expect("no panic with it in hand").push(credit.chips);
                Ok::<_, ()>(())
            }
        };
        let handlers = CommandHandlers::builder::<Players>(&world.ports, players(&world.ports));
        let handlers = handlers.on("credit.funds", credit).patience(patience).build().expect("one command");
        let consumer = Consumer::new(&world.ports, "players", handlers, ConsumerConfig::new(["player.commands"]));
        world.ports.spawn("players", consumer.clone().run());
        Self { consumer, is_broken, paid }
    }

    async fn letters(&self, world: &World) -> Vec<String> {
        let letters = world.ports.store.dead_letters(&self.consumer.letters(9)).await.expect("a store that is up");
        letters.into_iter().map(|letter| letter.reason.to_string()).collect()
    }
}

/// Settles a table: two payouts for one player, of five and of eleven chips.
async fn settle(world: &World) {
    world.declare_room();
    world.furnish([player("ann", 0)], [table("t-1", 6)]).await;
    world.ports.spawn("relay", Relay::new(&world.ports).run());
    world.ports.spawn("router", table_to_player().consumer(&world.ports).run());
    let payouts = [5, 11].map(|chips| ("ann".to_owned(), chips));
    world.change_table("t-1", |table| table.settle(&payouts)).await;
}

#[test]
fn a_command_behind_a_dead_letter_is_one_too_and_both_are_carried_out_in_order_when_they_are_redriven() {
    on_each_store(async |world| {
        settle(world).await;
        // More often than its router would send one that meets others at its aggregate.
        let cashier = Cashier::new(world, 12);
        world.pass(120 * SECOND).await;
        let letters = cashier.letters(world).await;
        let [poison, behind] = &letters[..] else { panic!("{letters:?}") };
        assert!(poison.contains("nobody has thought of") && !waits_for_turn(poison), "{poison}");
        assert!(waits_for_turn(behind) && behind.contains("0 credit.funds"), "{behind}");
        assert!(world.sent("command.rejected").is_empty(), "the table would keep what is hers");

        cashier.is_broken.store(false, Ordering::Relaxed);
        let consumer = &cashier.consumer;
        let early = consumer.redrive(&consumer.letters(9).because("turn")).await.expect("a store that is up");
        assert_eq!((early.handled.len(), early.failed.len()), (0, 1), "its turn has not come");
        let both = consumer.redrive(&consumer.letters(9)).await.expect("a store that is up");
        assert_eq!((both.handled.len(), both.failed.len()), (2, 0));
        world.pass(60 * SECOND).await;
        assert_eq!(*cashier.paid.lock().expect("no panic with it in hand"), [5, 11], "as the settlement has them");
        let ann = world.player("ann").await;
        assert_eq!((ann.chips, ann.credits), (16, 2));
        assert!(world.sent("command.rejected").is_empty());
        assert_eq!(cashier.letters(world).await, [""; 0]);
    });
}

#[test]
fn a_command_waits_for_one_that_is_redriven_in_time_and_is_no_dead_letter() {
    on_each_store(async |world| {
        settle(world).await;
        let cashier = Cashier::new(world, 100);
        world.pass(200 * SECOND).await;
        assert_eq!(cashier.letters(world).await.len(), 1, "the other one waits");
        cashier.is_broken.store(false, Ordering::Relaxed);
        let consumer = &cashier.consumer;
        let redriven = consumer.redrive(&consumer.letters(9)).await.expect("a store that is up");
        assert_eq!(redriven.handled.len(), 1);
        world.pass(60 * SECOND).await;
        assert_eq!(*cashier.paid.lock().expect("no panic with it in hand"), [5, 11], "as the settlement has them");
        assert!(world.sent("command.rejected").is_empty());
    });
}
