//! Commands at their destination: carried out at the version that they expect, and stale otherwise.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use seaworthy_core::{
    choreography::{
        Command, CommandHandlers, Destination, Destinations, Domain, FollowUp, Rejection, RejectionReason, Router,
        TranslateError, Translator,
    },
    inbox::{Consumer, ConsumerConfig},
    message::{Message, MessageBuilder},
    outbox::Relay,
    ports::Timestamp,
};
use uuid::Uuid;

use crate::support::{
    World,
    card_room::{
        Funds, Player, Players, Table, Tables, open, player, player_commands, player_rejections, players, table,
        table_commands, table_to_player,
    },
    on_each_store,
};

const SECOND: Duration = Duration::from_secs(1);

/// A request for a seat that somebody sends by hand, expecting a version.
fn ask(player: &str, expected: Option<u64>, rejections: &str) -> Message {
    let id = Uuid::new_v5(&Uuid::nil(), format!("{player} {expected:?}").as_bytes());
    let funds = Funds { player: player.into(), table: "t-1".into(), chips: 40 };
    let mut built =
        MessageBuilder::new("desk", "seat.player", "t-1").topic("table.commands").json(&funds).expect("a form");
    if let Some(version) = expected {
        built = built.header("commandexpected", version.to_string()).expect("a header");
    }
    built.header("commandrejections", rejections).expect("a header").derive(id, &[], Timestamp::EPOCH)
}

fn reasons(world: &World) -> Vec<RejectionReason> {
    let reason = |message: &Message| message.json::<Rejection>().expect("a rejection").reason;
    world.sent("command.rejected").iter().map(reason).collect()
}

#[test]
fn seed_26_a_command_that_expects_another_version_changes_nothing_and_versions_have_no_gaps() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([], [table("t-1", 6)]).await;
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        let handlers = table_commands(&world.ports);
        let consumer = Consumer::new(&world.ports, "tables", handlers, ConsumerConfig::new([Tables::commands_topic()]));
        world.ports.spawn("tables", consumer.run());
        for (wrong, name) in [(0, "ann"), (2, "bob"), (u64::MAX, "cid")] {
            world.stage([ask(name, Some(wrong), "player.rejections")]).await;
            world.pass(5 * SECOND).await;
            let (state, version) = world.seen::<Table>("table", "t-1").await.expect("it is there");
            assert_eq!((state.seated.len(), version), (0, 1), "no change, no version");
        }
        let stale = |expected| RejectionReason::Stale { expected, version: 1 };
        assert_eq!(BTreeSet::from_iter(reasons(world).iter().map(ToString::to_string)), {
            BTreeSet::from([stale(0), stale(2), stale(u64::MAX)].map(|reason| reason.to_string()))
        });
        // Each that is carried out is the next version.
        for (version, name) in [(1, "dan"), (2, "eve"), (3, "fay")] {
            world.stage([ask(name, Some(version), "player.rejections")]).await;
            world.pass(5 * SECOND).await;
            let (state, now) = world.seen::<Table>("table", "t-1").await.expect("it is there");
            assert_eq!((state.seated.len() as u64, now), (version, version + 1));
        }
        world.stage([ask("gus", None, "player.rejections")]).await;
        world.pass(5 * SECOND).await;
        assert_eq!(world.table("t-1").await.seated.len(), 4, "any version will do");
    });
}

#[test]
fn seed_28_as_many_writers_as_seats_at_one_table_all_get_one() {
    const WRITERS: usize = 12;
    on_each_store(async |world| {
        world.declare_room();
        let names: Vec<String> = (0..WRITERS).map(|at| format!("p-{at:02}")).collect();
        world.furnish(names.iter().map(|name| player(name, 100)), [table("t-1", WRITERS)]).await;
        for name in &names {
            world.change_player(name, |player| player.join("t-1", 40)).await;
        }
        // All of them decide on the table as it is now.
        open(&world.ports);
        world.pass(600 * SECOND).await;
        let (state, version) = world.seen::<Table>("table", "t-1").await.expect("it is there");
        assert_eq!((state.seated.len(), version), (WRITERS, WRITERS as u64 + 1), "each once, and not one more");
        for name in &names {
            let player = world.player(name).await;
            assert_eq!((player.chips, player.joins.len()), (60, 0));
        }
        let (sent, stale) = (world.sent("seat.player").len(), world.sent("command.stale").len());
        assert!(stale >= WRITERS - 1 && sent == WRITERS + stale, "{sent} sent, {stale} stale");
        assert!(world.sent("command.rejected").is_empty());
        let attempts =
            |message: &Message| message.headers.get("commandattempt").and_then(|text| text.parse::<u32>().ok());
        let most = world.sent("seat.player").iter().filter_map(attempts).max();
        assert!(most < Some(10), "bounded: {most:?}");
        world.assert_at_rest().await;
    });
}

/// Always one version ahead of what it has seen.
struct Hasty;

impl Translator for Hasty {
    type Event = Funds;

    fn prepare(&self, funds: &Funds) -> Vec<Destination> {
        vec![Destination::new::<Tables>(&*funds.table)]
    }

    fn handle(&self, funds: &Funds, destinations: &Destinations) -> Result<Vec<Command>, TranslateError> {
        let seen = destinations.version(&Destination::new::<Tables>(&*funds.table))?;
        Ok(vec![Command::new::<Tables>("seat.player", &*funds.table, funds)?.exact(seen + 1)])
    }
}

/// The moments before which the router is not told that a command is stale, which it is each time, on each store. Its handlers draw
/// from the randomness of the process of this number.
fn told_at(process: u64) -> Vec<Vec<Timestamp>> {
    let all = Mutex::new(Vec::new());
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100)], [table("t-1", 6)]).await;
        // It takes the place of the room's own router.
        let hasty = Router::builder("player-to-table").source::<Players>().on("funds.reserved", Hasty).attempts_max(4);
        let hasty = hasty.build().expect("one event");
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.ports.spawn("router", hasty.consumer(&world.ports).run());
        for (name, handlers, topic) in [
            ("tables", table_commands(&world.replica(process)), Tables::commands_topic()),
            ("player-rejections", player_rejections(&world.ports, FollowUp::none()), Players::rejections_topic()),
        ] {
            world.ports.spawn(name, Consumer::new(&world.ports, name, handlers, ConsumerConfig::new([topic])).run());
        }
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.pass(120 * SECOND).await;
        assert_eq!(reasons(world), [RejectionReason::Contended { attempts: 4 }]);
        assert_eq!((world.sent("seat.player").len(), world.table("t-1").await.seated.len()), (4, 0));
        assert_eq!(world.player("ann").await.chips, 100, "what she reserved is released");
        // Later and later: 50, 100, 200 and 400 ms, each with its jitter, and the relay's poll.
        let of_kind = |(at, message): &(Timestamp, Message)| (message.kind == "seat.player").then(|| at.as_millis());
        let at: Vec<i64> = world.broker.accepted().iter().filter_map(of_kind).collect();
        let pauses: Vec<i64> = at.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(pauses.iter().zip([25, 50, 100]).all(|(pause, least)| *pause >= least), "{pauses:?}");
        let told = world.sent("command.stale").into_iter().map(|told| told.schedule.not_before.expect("not at once"));
        all.lock().expect("no panic").push(told.collect());
    });
    all.into_inner().expect("no panic")
}

/// Each process draws its own pauses, so that those who were late together are not late together again.
#[test]
fn seed_28_a_command_that_is_stale_each_time_is_given_up_and_rejected() {
    let (some, others) = (told_at(2), told_at(3));
    assert!(some.iter().chain(&others).all(|moments| moments.len() >= 3), "{some:?} {others:?}");
    assert!(some.iter().zip(&others).all(|(some, others)| some.iter().all(|moment| !others.contains(moment))));
}

#[test]
fn seed_22_only_what_was_stale_is_sent_again_and_not_its_siblings() {
    // Trap 07: the other payouts of the settlement have been paid.
    on_each_store(async |world| {
        world.declare_room();
        let names = ["ann", "bob", "cid"];
        world.furnish(names.map(|name| player(name, 0)), [table("t-1", 6)]).await;
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.ports.spawn("router", table_to_player().consumer(&world.ports).run());
        let payouts = names.map(|name| (name.to_owned(), 10));
        world.change_table("t-1", |table| table.settle(&payouts)).await;
        world.pass(5 * SECOND).await;
        // Bob does something else before his payout comes.
        world.change_player("bob", |player| player.chips += 1).await;
        let handlers = player_commands(&world.ports);
        let consumer = Consumer::new(&world.ports, "players", handlers, ConsumerConfig::new(["player.commands"]));
        world.ports.spawn("players", consumer.run());
        world.pass(60 * SECOND).await;
        for (name, chips) in [("ann", 10), ("bob", 11), ("cid", 10)] {
            let player = world.player(name).await;
            assert_eq!((player.chips, player.credits), (chips, 1), "{name}");
        }
        let mut sent: Vec<String> =
            world.sent("credit.funds").iter().map(|message| message.subject.to_string()).collect();
        sent.sort();
        assert_eq!(sent, ["ann", "bob", "bob", "cid"], "one again, and the others once");
        assert_eq!(world.sent("command.stale").len(), 1);
    });
}

/// Somebody else has moved her on by one: the first is stale, and the second would find just the version that it expects.
#[test]
fn of_two_commands_of_one_event_for_one_root_the_second_is_never_carried_out_before_the_first() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 0)], [table("t-1", 6)]).await;
        world.ports.spawn("relay", Relay::new(&world.ports).run());
        world.ports.spawn("router", table_to_player().consumer(&world.ports).run());
        let payouts = [5, 11, 13].map(|chips| ("ann".to_owned(), chips));
        world.change_table("t-1", |table| table.settle(&payouts)).await;
        world.pass(5 * SECOND).await;
        world.change_player("ann", |player| player.chips += 1).await;
        let paid = Arc::new(Mutex::new(Vec::new()));
        let credit = {
            let paid = paid.clone();
            move |player: &mut Player, credit: Funds| {
                player.chips += credit.chips;
                player.credits += 1;
                paid.lock().expect("no panic with it in hand").push(credit.chips);
                Ok::<_, ()>(())
            }
        };
        let handlers = CommandHandlers::builder::<Players>(&world.ports, players(&world.ports));
        let handlers = handlers.on("credit.funds", credit).build().expect("one command");
        let consumer = Consumer::new(&world.ports, "players", handlers, ConsumerConfig::new(["player.commands"]));
        world.ports.spawn("players", consumer.run());
        world.pass(120 * SECOND).await;
        let ann = world.player("ann").await;
        assert_eq!((ann.chips, ann.credits), (30, 3), "each once");
        assert_eq!(*paid.lock().expect("no panic with it in hand"), [5, 11, 13], "in the order of the settlement");
        assert!(world.sent("command.rejected").is_empty());
    });
}

#[test]
fn a_late_command_moves_nothing_out_of_a_terminal_state() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100)], [table("t-1", 6)]).await;
        open(&world.ports);
        world.change_table("t-1", |table| table.settle(&[])).await;
        world.change_table("t-1", |table| table.closed = true).await;
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.pass(60 * SECOND).await;
        assert_eq!(reasons(world), [RejectionReason::Ended]);
        let (table, ann) = (world.table("t-1").await, world.player("ann").await);
        assert_eq!((table.seated.len(), table.closed, ann.chips), (0, true, 100));
        world.assert_at_rest().await;
    });
}

#[test]
fn a_command_for_nobody_is_rejected_and_one_that_nobody_may_hear_of_is_a_dead_letter() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100)], []).await;
        open(&world.ports);
        world.change_player("ann", |player| player.join("t-9", 40)).await;
        let bare = MessageBuilder::new("desk", "seat.player", "t-8").topic("table.commands");
        let funds = Funds { player: "bob".into(), table: "t-8".into(), chips: 1 };
        let bare = bare.json(&funds).expect("a form").derive(Uuid::from_u128(8), &[], Timestamp::EPOCH);
        world.stage([bare.clone()]).await;
        world.pass(60 * SECOND).await;
        assert_eq!(reasons(world), [RejectionReason::Missing]);
        assert_eq!(world.player("ann").await.chips, 100, "what she reserved is released");
        let request = seaworthy_core::ports::DeadLetterRequest::new("tables", 9);
        let letters = world.ports.store.dead_letters(&request).await.expect("a store that is up");
        assert_eq!((letters.len(), letters[0].message.id), (1, bare.id));
    });
}
