//! Routers: events of one domain become commands for others, by a pure function and a splitter.

use std::{collections::BTreeMap, time::Duration};

use seaworthy_core::{
    choreography::{
        Command, Destination, DestinationState, Destinations, DocumentsOf, Domain, ExpectedSequence, RegistrationError,
        Router, TranslateError, Translator,
    },
    inbox::{Consumer, ConsumerConfig},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::{Expected, Random, Store, Timestamp},
};
use seaworthy_memory::store::MemoryStore;
use uuid::Uuid;

use crate::support::{
    Dice, Kind,
    card_room::{
        AskForSeat, Funds, Hand, Players, Settled, Tables, open, player, player_to_table, table, table_to_hand,
        table_to_player,
    },
    on, on_each_store,
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

fn event(kind: &str, number: u64, payload: &impl serde::Serialize) -> Message {
    let id = Uuid::new_v5(&Uuid::nil(), format!("{kind} {number}").as_bytes());
    let built = MessageBuilder::new("table", kind, "t-1").json(payload).expect("it has a JSON form");
    built.derive(id, &[], Timestamp::EPOCH)
}

fn settled(number: u64, payouts: Vec<(String, u64)>) -> Message {
    event("table.settled", number, &Settled { table: "t-1".into(), payouts })
}

/// States of players, each at this version.
fn seen(payouts: &[(String, u64)], version: u64) -> Destinations {
    let state = |player: &String| {
        let state = DestinationState { version, body: "{}".into() };
        (Destination::new::<Players>(&**player), Some(state))
    };
    payouts.iter().map(|(player, _)| state(player)).collect()
}

#[test]
fn seed_16_the_same_event_and_states_give_the_same_commands_and_messages() {
    let dice = Dice::seeded(16);
    for number in 0..200 {
        let count = 1 + dice.next_u64() % 12;
        // Few names, so that one comes up twice now and then.
        let payouts: Vec<_> =
            (0..count).map(|_| (format!("p-{}", dice.next_u64() % 9), dice.next_u64() % 500)).collect();
        let (event, states) = (settled(number, payouts.clone()), seen(&payouts, dice.next_u64() % 50));
        let translated = || {
            // A router of its own each time: nothing stays from one translation to the next.
            let router = table_to_player();
            let prepared = router.prepare(&event).expect("its own event");
            let commands = router.handle(&event, &states).expect("declared states");
            (prepared, commands.clone(), router.split(&event, commands, Timestamp::EPOCH).expect("short names"))
        };
        let (prepared, commands, messages) = translated();
        assert_eq!((prepared, commands.clone(), messages), translated());
        assert_eq!(commands.len(), payouts.len());
    }
}

#[test]
fn seed_19_registrations_that_are_unknown_or_made_twice_are_errors_of_the_build() {
    let builder = || Router::builder("seats").source::<Players>();
    let unknown = builder().on("funds.reserve", AskForSeat).build().expect_err("a slip of the pen");
    assert_eq!(unknown, RegistrationError::Unknown { domain: "player".into(), kind: "funds.reserve".into() });
    let twice = builder().on("funds.reserved", AskForSeat).on("funds.reserved", AskForSeat).build();
    assert_eq!(twice.expect_err("one too many"), RegistrationError::Twice("funds.reserved".into()));
    let other = builder().on("table.settled", AskForSeat).build();
    assert!(other.is_err(), "an event of another domain than the source");
    assert!(builder().build().is_ok(), "a domain may have events that nobody translates");

    /// A domain that names an event twice.
    struct Twins;
    impl Domain for Twins {
        const NAME: &'static str = "twins";
        const EVENTS: &'static [&'static str] = &["twin.born", "twin.born"];
        const COMMANDS: &'static [&'static str] = &[];
    }
    /// A domain with an event of a type that a router's own messages have.
    struct Answers;
    impl Domain for Answers {
        const NAME: &'static str = "answers";
        const EVENTS: &'static [&'static str] = &["answer.given", "command.stale"];
        const COMMANDS: &'static [&'static str] = &[];
    }
    let twice = Router::builder("twins").source::<Twins>().build().expect_err("one too many");
    assert_eq!(twice, RegistrationError::Twice("twin.born".into()));
    let own = Router::builder("answers").source::<Answers>().build().expect_err("no room for it");
    assert_eq!(own, RegistrationError::Twice("command.stale".into()));
}

#[test]
fn seed_19_a_hand_that_starts_at_a_table_is_dealt() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 0)], [table("t-1", 6)]).await;
        open(&world.ports);
        world
            .change_table("t-1", |table| {
                table.seated.insert("ann".into(), 50);
                table.hands += 1;
            })
            .await;
        world.pass(10 * SECOND).await;
        let (hand, version) = world.seen::<Hand>("hand", "t-1-1").await.expect("it was dealt");
        assert_eq!((hand.players, version), (vec!["ann".to_owned()], 1));
        world.assert_at_rest().await;
    });
}

#[test]
fn seed_18_an_event_that_nobody_translates_leads_to_nothing_and_is_acknowledged() {
    on_each_store(async |world| {
        world.declare_room();
        let router = table_to_hand();
        let nobodys = settled(1, vec![("ann".into(), 5)]);
        assert_eq!(router.handle(&nobodys, &Destinations::none()), Ok(Vec::new()));
        assert_eq!(router.prepare(&nobodys), Ok(Vec::new()));
        // Of a later release: it is left for that.
        let later = event("table.renamed", 2, &());
        assert!(matches!(router.handle(&later, &Destinations::none()), Err(TranslateError::UnknownEvent(_))));
        world.ports.spawn("router", router.consumer(&world.ports).run());
        let unheard = MessageBuilder::new("table", "table.renamed", "t-9").json(&()).expect("null");
        let unheard = unheard.derive(Uuid::from_u128(9), &[], Timestamp::EPOCH);
        for message in [nobodys, unheard] {
            let published = seaworthy_core::ports::Broker::publish(&*world.broker, &[message]).await;
            published.expect("a broker that is up").remove(0).expect("somebody listens");
        }
        world.pass(5 * SECOND).await;
        let left = world.broker.behind().unacknowledged("table-to-hand");
        let backlog = world.ports.store.backlog().await.expect("a store that is up");
        assert_eq!((left, backlog.outbox_unsettled), (1, 0), "the unknown one, and no command");
    });
}

#[test]
fn seed_21_a_settlement_of_up_to_a_hundred_payouts_becomes_as_many_commands_of_the_same_sum() {
    let dice = Dice::seeded(21);
    for count in 1..=100_u64 {
        let payouts: Vec<_> = (0..count).map(|at| (format!("p-{at}"), dice.next_u64() % 1_000)).collect();
        let event = settled(count, payouts.clone());
        let router = table_to_player();
        let commands = router.handle(&event, &seen(&payouts, 3)).expect("declared");
        let messages = router.split(&event, commands.clone(), Timestamp::EPOCH).expect("short names");
        for (command, message) in commands.iter().zip(&messages) {
            assert_eq!(
                (command.kind(), command.data()),
                ("credit.funds", &message.data),
                "what it says is what is sent"
            );
        }
        let ids: std::collections::BTreeSet<_> = messages.iter().map(|message| message.id).collect();
        assert_eq!((messages.len() as u64, ids.len() as u64), (count, count));
        let sum = |message: &Message| message.json::<Funds>().expect("a credit").chips;
        assert_eq!(messages.iter().map(sum).sum::<u64>(), payouts.iter().map(|(_, chips)| chips).sum::<u64>());
        for (message, (player, _)) in messages.iter().zip(&payouts) {
            let place = (&*message.topic, &*message.subject, &*message.partition_key);
            assert_eq!(place, ("player.commands", player.as_str(), player.as_str()), "its key is its root");
            assert_eq!((message.causation_id, message.correlation_id), (Some(event.id), event.correlation_id));
        }
    }
}

#[test]
fn seed_21_two_payouts_for_one_root_expect_versions_one_after_the_other() {
    // Trap 05: with the same expectation the second of them is stale by construction.
    let payouts: Vec<(String, u64)> =
        [("ann", 5), ("bob", 7), ("ann", 11), ("ann", 13)].map(|(id, chips)| (id.into(), chips)).into();
    let event = settled(1, payouts.clone());
    let router = table_to_player();
    let commands = router.handle(&event, &seen(&payouts, 4)).expect("declared");
    assert!(commands.iter().all(|command| command.expected() == ExpectedSequence::Exact(4)), "each says what was seen");
    let messages = router.split(&event, commands, Timestamp::EPOCH).expect("short names");
    let mut expected: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for message in &messages {
        expected.entry(&message.subject).or_default().push(message.headers.get("commandexpected").expect("a version"));
    }
    assert_eq!(expected, BTreeMap::from([("ann", vec!["4", "5", "6"]), ("bob", vec!["4"])]));
}

#[test]
fn seed_21_two_payouts_for_one_root_are_both_paid_at_once() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 0), player("bob", 0)], [table("t-1", 6)]).await;
        open(&world.ports);
        let payouts = [("ann".to_owned(), 5), ("bob".to_owned(), 7), ("ann".to_owned(), 11)];
        world.change_table("t-1", |table| table.settle(&payouts)).await;
        world.pass(30 * SECOND).await;
        let (ann, bob) = (world.player("ann").await, world.player("bob").await);
        assert_eq!((ann.chips, ann.credits, bob.chips, bob.credits), (16, 2, 7, 1));
        assert_eq!((world.sent("credit.funds").len(), world.sent("command.stale").len()), (3, 0), "none was stale");
        world.assert_at_rest().await;
    });
}

/// Looks at a table that it has not declared.
struct Careless;

impl Translator for Careless {
    type Event = Funds;

    fn handle(&self, funds: &Funds, destinations: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let seen = destinations.version(&Destination::new::<Tables>(&*funds.table))?;
        Ok(vec![Command::new::<Tables>("seat.player", &*funds.table, funds)?.exact(seen)])
    }
}

#[test]
fn seed_27_a_destination_that_was_not_declared_is_an_error_and_never_version_0() {
    // Trap 04.
    let funds = Funds { player: "ann".into(), table: "t-1".into(), chips: 40 };
    let reserved = event("funds.reserved", 1, &funds);
    let undeclared = TranslateError::Undeclared(Destination::new::<Tables>("t-1"));
    let router = Router::builder("careless").source::<Players>().on("funds.reserved", Careless).build().expect("one");
    assert_eq!(router.handle(&reserved, &Destinations::none()), Err(undeclared.clone()));
    let other = Destinations::from([(Destination::new::<Players>("t-1"), None)]);
    assert_eq!(router.handle(&reserved, &other), Err(undeclared), "of another domain");
    // One that was looked up and is not there is at version 0.
    let absent = Destinations::from([(Destination::new::<Tables>("t-1"), None)]);
    let commands = player_to_table().handle(&reserved, &absent).expect("declared");
    assert_eq!(commands[0].expected(), ExpectedSequence::Exact(0));
    assert_eq!(absent.decode::<Hand>(&Destination::new::<Tables>("t-1")), Ok(None));
    // What is asked for in the first phase is what is looked up for the second.
    let there = Destination::new::<Tables>("t-1");
    assert_eq!(player_to_table().prepare(&reserved), Ok(vec![there.clone()]));
    let state = DestinationState { version: 4, body: "{\"id\":\"h-1\",\"players\":[\"ann\"]}".into() };
    let seen = Destinations::from([(there.clone(), Some(state))]);
    let hand = seen.decode::<Hand>(&there).expect("its own form").expect("it is there");
    assert_eq!(hand.players, ["ann"]);
}

#[test]
fn a_command_expects_the_version_that_its_destination_has_in_another_services_store() {
    on(Kind::Memory, async |world| {
        world.declare_room();
        // Tables are another service's; a table of the same name here has another version.
        world.furnish([player("ann", 100)], [table("t-1", 6)]).await;
        let elsewhere: std::sync::Arc<dyn Store> = std::sync::Arc::new(MemoryStore::new(world.ports.clock.clone()));
        for version in 0..3 {
            let mut tx = elsewhere.begin().await.expect("a store that is up");
            let expected = if version == 0 { Expected::Absent } else { Expected::Version(version) };
            tx.put("table", "t-1", expected, "{}".into()).await.expect("a store that is up");
            tx.commit().await.expect("a store that is up");
        }
        let router = Router::builder("player-to-table").source::<Players>().on("funds.reserved", AskForSeat);
        let router = router.states(DocumentsOf::new(elsewhere)).build().expect("one translator");
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.ports.spawn("router", router.consumer(&world.ports).run());
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.pass(10 * SECOND).await;
        assert_eq!(world.sent("seat.player")[0].headers.get("commandexpected"), Some("3"));
    });
}

#[test]
fn seed_27_an_event_whose_translator_looks_at_what_it_has_not_declared_sends_nothing_and_is_a_dead_letter() {
    on(Kind::Memory, async |world| {
        let router =
            Router::builder("careless").source::<Players>().on("funds.reserved", Careless).build().expect("one");
        let spec =
            seaworthy_core::ports::SubscriptionSpec { group: "careless".into(), topics: router.topics().to_vec() };
        world.broker.behind().declare(&spec);
        let handlers = router.handlers(world.ports.clock.clone());
        let config = ConsumerConfig::new(router.topics());
        world.ports.spawn("router", Consumer::new(&world.ports, "careless", handlers, config).run());
        let heard = Warnings::listen();
        let funds = Funds { player: "ann".into(), table: "t-1".into(), chips: 40 };
        let built = MessageBuilder::new("player", "funds.reserved", "ann").json(&funds).expect("a form");
        let reserved = built.derive(Uuid::from_u128(3), &[], Timestamp::EPOCH);
        let published = seaworthy_core::ports::Broker::publish(&*world.broker, &[reserved]).await;
        published.expect("a broker that is up").remove(0).expect("somebody listens");
        world.pass(600 * SECOND).await;
        let request = seaworthy_core::ports::DeadLetterRequest::new("careless", 9);
        let letters = world.ports.store.dead_letters(&request).await.expect("a store that is up");
        assert!(letters[0].reason.contains("table/t-1 was not declared"), "{}", letters[0].reason);
        assert!(heard.lines().iter().any(|line| line.contains("dead letter")), "{:?}", heard.lines());
        assert_eq!(world.ports.store.backlog().await.expect("a store that is up").outbox_unsettled, 0);
    });
}

#[test]
fn seed_27_what_a_translator_sees_of_a_destination_is_its_state_and_version_of_one_moment() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100)], [table("t-1", 1)]).await;
        for hands in 1..=3 {
            world.change_table("t-1", move |table| table.hands = hands).await;
        }
        open(&world.ports);
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.pass(10 * SECOND).await;
        let sent = world.sent("seat.player");
        assert_eq!(sent[0].headers.get("commandexpected"), Some("4"), "as often as it was written");
        assert_eq!(world.table("t-1").await.seated["ann"], 40);
    });
}
