//! Process managers: what they have heard of several domains, their timers, and their end.

use std::{sync::Arc, time::Duration};

use seaworthy_core::{
    choreography::{
        Command, CommandHandlers, Domain, OrderError, ProcessManager, ProcessRetention, Reaction, RegistrationError,
        Rejection,
    },
    inbox::{Consumer, ConsumerConfig},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Broker, SubscriptionSpec, Timestamp},
    stop::Stop,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::{
    World,
    card_room::{Funds, HandStarted, Hands, Players, Tables, hand_commands, players},
    on_each_store,
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A game begins once the player has the chips reserved and the table has started a hand, whichever comes first.
#[derive(Default, Serialize, Deserialize)]
struct Game {
    funds: Option<Funds>,
    hand: Option<HandStarted>,
    reminders: u32,
}

impl Game {
    fn next(&self) -> Reaction {
        let (Some(_), Some(hand)) = (&self.funds, &self.hand) else {
            return Reaction::none().timer("patience", 10 * MINUTE);
        };
        let deal = Command::new::<Hands>("deal.cards", &*hand.hand, hand).expect("it has a JSON form");
        Reaction::none().command(deal).cancel("patience").end()
    }
}

fn game() -> ProcessManager<Game> {
    let builder = ProcessManager::builder("game")
        .on::<Players, Funds>("funds.reserved", |game: &mut Game, funds| {
            game.funds = Some(funds.clone());
            Ok(game.next())
        })
        .on::<Tables, HandStarted>("hand.started", |game, hand| {
            game.hand = Some(hand.clone());
            Ok(game.next())
        })
        .on_timer("patience", |game| {
            game.reminders += 1;
            let Some(funds) = &game.funds else { return Ok(Reaction::none().end()) };
            let back = Command::new::<Players>("credit.funds", &*funds.player, funds)?;
            Ok(Reaction::none().command(back).end())
        });
    builder.build().expect("three reactions")
}

fn of_process(number: u128, topic: &str, kind: &str, payload: &impl Serialize) -> Message {
    let process = Uuid::from_u128(number);
    let built = MessageBuilder::new(topic, kind, format!("{topic}-{number}")).correlation(process).json(payload);
    built.expect("it has a JSON form").derive(process, &[kind], Timestamp::EPOCH)
}

fn reserved(number: u128) -> Message {
    of_process(number, "player", "funds.reserved", &Funds { player: "ann".into(), table: "t-1".into(), chips: 40 })
}

fn started(number: u128) -> Message {
    let started = HandStarted { hand: format!("h-{number}"), players: vec!["ann".into()] };
    of_process(number, "table", "hand.started", &started)
}

/// The process manager beside a relay and the hands; and who else hears of what is sent.
fn declare(world: &World) {
    let manager = game();
    for (group, topics) in [
        ("game", manager.topics().to_vec()),
        ("hands", vec![Hands::commands_topic()]),
        ("players", vec![Players::commands_topic()]),
    ] {
        world.broker.behind().declare(&SubscriptionSpec { group: group.into(), topics });
    }
}

fn open(ports: &seaworthy_core::ports::Ports) {
    ports.spawn("relay", Relay::new(ports).run());
    ports.spawn("game", game().consumer(ports).run());
    let hands = Consumer::new(ports, "hands", hand_commands(ports), ConsumerConfig::new([Hands::commands_topic()]));
    ports.spawn("hands", hands.run());
}

impl World {
    async fn tell(&self, message: &Message) {
        let published = self.broker.publish(std::slice::from_ref(message)).await;
        published.expect("a broker that is up").remove(0).expect("somebody listens");
    }

    async fn game(&self, number: u128) -> Option<Game> {
        let mut tx = self.ports.store.begin().await.expect("a store that is up");
        game().state(&mut *tx, Uuid::from_u128(number)).await.expect("its own form")
    }
}

#[test]
fn seed_17_a_process_manager_hears_several_domains_and_both_orders_of_arrival_have_one_result() {
    let manager = game();
    assert_eq!(manager.topics(), ["game.timers", "game.rejections", "player", "table"]);
    let outcome = manager.check_orders(&[reserved(1), started(1)]).expect("the order does not matter");
    assert_eq!((outcome.state, outcome.commands.len(), outcome.timers.len()), (None, 1, 0));
    assert_eq!(outcome.commands[0].destination().to_string(), "hand/h-1");
    // In a store as well.
    on_each_store(async |world| {
        declare(world);
        open(&world.ports);
        for (number, events) in [(1, [reserved(1), started(1)]), (2, [started(2), reserved(2)])] {
            for event in &events {
                world.tell(event).await;
                world.pass(10 * SECOND).await;
            }
            let (hand, version) =
                world.seen::<crate::support::card_room::Hand>("hand", &format!("h-{number}")).await.expect("dealt");
            assert_eq!((hand.players, version), (vec!["ann".to_owned()], 1));
            assert!(world.game(number).await.is_none(), "it has ended");
        }
        world.pass(20 * MINUTE).await;
        assert!(world.sent("credit.funds").is_empty(), "its timers do nothing any more");
        world.assert_at_rest().await;
    });
}

#[test]
fn seed_17_a_process_manager_whose_result_depends_on_the_order_is_told_with_two_orders() {
    #[derive(Default, Serialize, Deserialize)]
    struct Last(String);
    let manager = ProcessManager::<Last>::builder("last")
        .on::<Players, Funds>("funds.reserved", |last, funds| {
            last.0 = funds.player.clone();
            Ok(Reaction::none())
        })
        .on::<Tables, HandStarted>("hand.started", |last, hand| {
            last.0 = hand.hand.clone();
            Ok(Reaction::none())
        });
    let manager = manager.build().expect("two reactions");
    let error = manager.check_orders(&[reserved(1), started(1)]).expect_err("the last one wins");
    assert!(matches!(error, OrderError::Differ(..)), "{error}");
    let text = error.to_string();
    assert!(text.contains(&reserved(1).id.to_string()) && text.contains("h-1"), "{text}");
    let many: Vec<Message> = (0..8).map(reserved).collect();
    assert!(matches!(manager.check_orders(&many), Err(OrderError::TooMany(8))));
    assert!(manager.check_orders(&many[..7]).is_ok(), "the same player each time: the order does not matter");
}

#[test]
fn seed_19_reactions_that_are_unknown_or_registered_twice_are_errors_of_the_build() {
    let builder = || ProcessManager::<Game>::builder("game");
    let unknown = builder().on::<Players, Funds>("funds.reserve", |_, _| Ok(Reaction::none())).build();
    assert!(matches!(unknown, Err(RegistrationError::Unknown { .. })));
    let twice = builder().on_timer("patience", |_| Ok(Reaction::none())).on_timer("patience", |_| Ok(Reaction::none()));
    assert_eq!(twice.build().expect_err("one too many"), RegistrationError::Twice("patience".into()));

    /// A domain with an event of a type that a process manager's own messages have.
    struct Clocks;
    impl Domain for Clocks {
        const NAME: &'static str = "clocks";
        const EVENTS: &'static [&'static str] = &["clock.struck", "process.timer"];
        const COMMANDS: &'static [&'static str] = &[];
    }
    let own = builder().on::<Clocks, ()>("clock.struck", |_, ()| Ok(Reaction::none())).build();
    assert_eq!(own.expect_err("no room for it"), RegistrationError::Twice("process.timer".into()));
}

#[test]
fn a_timer_survives_a_restart_and_goes_off_once() {
    on_each_store(async |world| {
        declare(world);
        let first = world.replica(2);
        open(&first);
        world.tell(&reserved(1)).await;
        world.pass(MINUTE).await;
        assert!(world.game(1).await.is_some_and(|game| game.funds.is_some() && game.hand.is_none()));
        // Nobody runs when it is due.
        first.stop.set();
        world.pass(30 * MINUTE).await;
        assert!(world.sent("credit.funds").is_empty());
        open(&world.replica(3));
        world.pass(MINUTE).await;
        assert_eq!(world.sent("credit.funds").len(), 1);
        assert!(world.game(1).await.is_none());
        // The hand starts too late: what has ended stays so.
        world.tell(&started(1)).await;
        world.pass(MINUTE).await;
        assert!(world.game(1).await.is_none(), "it begins no second time");
        world.pass(30 * MINUTE).await;
        assert_eq!((world.sent("deal.cards").len(), world.sent("credit.funds").len()), (0, 1));
        assert_eq!(world.sent("process.timer").len(), 1);
    });
}

#[test]
fn a_timer_that_was_set_anew_or_cancelled_goes_off_at_its_new_time_only() {
    #[derive(Default, Serialize, Deserialize)]
    struct Watch(u32);
    let manager = || {
        let manager = ProcessManager::<Watch>::builder("watch")
            .on::<Players, Funds>("funds.reserved", |_, _| Ok(Reaction::none().timer("alarm", 10 * MINUTE)))
            .on::<Players, Funds>("funds.released", |_, _| Ok(Reaction::none().timer("alarm", 10 * MINUTE)))
            .on::<Tables, HandStarted>("hand.started", |_, _| Ok(Reaction::none().cancel("alarm")))
            .on_timer("alarm", |watch: &mut Watch| {
                watch.0 += 1;
                Ok(Reaction::none())
            });
        manager.build().expect("four reactions")
    };
    on_each_store(async |world| {
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        let spec = SubscriptionSpec { group: "watch".into(), topics: manager().topics().to_vec() };
        world.broker.behind().declare(&spec);
        world.ports.spawn("watch", manager().consumer(&world.ports).run());
        let rings = async |number: u128| {
            let mut tx = world.ports.store.begin().await.expect("a store that is up");
            manager().state(&mut *tx, Uuid::from_u128(number)).await.expect("its own form").expect("it goes on").0
        };
        let again = |number| {
            of_process(number, "player", "funds.released", &Funds { player: "ann".into(), table: "t".into(), chips: 1 })
        };
        for number in [1, 2, 3] {
            world.tell(&reserved(number)).await;
        }
        world.pass(6 * MINUTE).await;
        // The first is left alone, the second is set anew, the third is cancelled.
        world.tell(&again(2)).await;
        world.tell(&started(3)).await;
        world.pass(5 * MINUTE).await;
        assert_eq!((rings(1).await, rings(2).await, rings(3).await), (1, 0, 0));
        world.pass(30 * MINUTE).await;
        assert_eq!((rings(1).await, rings(2).await, rings(3).await), (1, 1, 0));
    });
}

#[test]
fn a_rejected_command_of_a_process_manager_comes_back_to_it_however_often_and_grows_no_larger() {
    #[derive(Default, Serialize, Deserialize)]
    struct Refund {
        refused: Option<String>,
        /// Lengths of all that the rejected commands had with them.
        sizes: Vec<usize>,
        events: Vec<String>,
    }
    on_each_store(async |world| {
        let manager = ProcessManager::<Refund>::builder("refunds")
            .on::<Players, Funds>("funds.released", |_, funds| {
                Ok(Reaction::none().command(Command::new::<Players>("credit.funds", &*funds.player, funds)?))
            })
            .on_rejection("credit.funds", |refund: &mut Refund, rejection: &Rejection| {
                assert!(rejection.is_for::<Players>() && !rejection.is_for::<Tables>());
                refund.refused = rejection.refusal();
                refund.sizes.push(rejection.command.headers.iter().map(|(_, value)| value.len()).sum());
                let event = rejection.event().expect("its own form").expect("it followed from one");
                refund.events.push(event.kind.to_string());
                let again = rejection.command.json::<Funds>().expect("its own form");
                let credit = Command::new::<Players>("credit.funds", &*again.player, &again)?;
                Ok(if refund.sizes.len() < 6 { Reaction::none().command(credit) } else { Reaction::none() })
            });
        let manager = manager.build().expect("two reactions");
        let players_topics = vec![Players::commands_topic()];
        for (group, topics) in [("refunds", manager.topics().to_vec()), ("players", players_topics.clone())] {
            world.broker.behind().declare(&SubscriptionSpec { group: group.into(), topics });
        }
        world.furnish([crate::support::card_room::player("ann", 0)], []).await;
        let refuse = |_: &mut crate::support::card_room::Player, _: Funds| Err::<(), _>("not today");
        let commands = CommandHandlers::builder::<Players>(&world.ports, players(&world.ports));
        let commands = commands.on("credit.funds", refuse).build().expect("one command");
        let consumer = Consumer::new(&world.ports, "players", commands, ConsumerConfig::new(players_topics));
        world.ports.spawn("players", consumer.run());
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.ports.spawn("refunds", manager.consumer(&world.ports).run());
        let released = Funds { player: "ann".into(), table: "t-1".into(), chips: 9 };
        world.tell(&of_process(5, "player", "funds.released", &released)).await;
        world.pass(MINUTE).await;
        let mut tx = world.ports.store.begin().await.expect("a store that is up");
        let refund = manager.state(&mut *tx, Uuid::from_u128(5)).await.expect("its own form").expect("it goes on");
        assert_eq!(refund.refused.as_deref(), Some("not today"));
        assert_eq!(refund.sizes, [refund.sizes[0]; 6]);
        assert!(refund.events.iter().all(|kind| kind == "funds.released"), "{:?}", refund.events);
    });
}

/// Two commands and a timer at once, as a reaction collects them.
#[test]
fn several_commands_of_a_reaction_are_sent_beside_what_else_it_does() {
    let manager = ProcessManager::<Game>::builder("twice")
        .on::<Players, Funds>("funds.reserved", |_, funds| {
            let credit = |player: &str| Command::new::<Players>("credit.funds", player, funds);
            let reaction = Reaction::none().timer("patience", MINUTE);
            Ok(reaction.commands([credit("ann")?, credit("bob")?]))
        })
        .on_timer("patience", |_| Ok(Reaction::none()));
    let manager = manager.build().expect("two reactions");
    assert_eq!((manager.name().as_str(), manager.collection().as_str()), ("twice", "process.twice"));
    let outcome = manager.check_orders(&[reserved(1)]).expect("there is one order");
    let to: Vec<String> = outcome.commands.iter().map(|command| command.destination().to_string()).collect();
    assert_eq!((to, outcome.timers.len()), (vec!["player/ann".to_owned(), "player/bob".to_owned()], 1));
}

/// The loop that a service spawns; the timer that its process had set goes off after that.
#[test]
fn a_process_that_is_forgotten_is_begun_by_none_of_its_own_timers() {
    on_each_store(async |world| {
        declare(world);
        open(&world.ports);
        let retention = ProcessRetention::new(game().collection(), MINUTE).every(MINUTE);
        world.ports.spawn("retention", retention.run(world.ports.clone()));
        for event in [reserved(1), started(1)] {
            world.tell(&event).await;
        }
        let kept = async || world.seen::<serde_json::Value>("process.game", &Uuid::from_u128(1).to_string()).await;
        world.pass(10 * SECOND).await;
        assert!(kept().await.is_some(), "a note of its end");
        world.pass(5 * MINUTE).await;
        assert!(kept().await.is_none(), "the note is forgotten");
        let heard = Warnings::listen();
        world.pass(20 * MINUTE).await;
        assert_eq!((kept().await, world.sent("process.timer").len()), (None, 1));
        let said =
            heard.lines().iter().filter(|line| line.contains("of a process that is forgotten is dropped")).count();
        assert_eq!(said, 1, "{:?}", heard.lines());
    });
}

#[test]
fn what_has_ended_long_ago_is_forgotten_and_what_goes_on_is_not() {
    on_each_store(async |world| {
        declare(world);
        open(&world.ports);
        for number in 1..=5 {
            world.tell(&reserved(number)).await;
            world.tell(&started(number)).await;
        }
        world.tell(&reserved(9)).await;
        world.pass(MINUTE).await;
        let (store, stop): (Arc<_>, _) = (world.ports.store.clone(), Stop::new());
        let retention = ProcessRetention::new(game().collection(), 5 * MINUTE).batch(2);
        assert_eq!(retention.sweep(&*store, &stop).await, Ok(0), "not yet");
        world.pass(5 * MINUTE).await;
        assert_eq!(retention.sweep(&*store, &stop).await, Ok(5));
        assert!(world.game(9).await.is_some());
        assert_eq!(retention.sweep(&*store, &stop).await, Ok(0));
    });
}
