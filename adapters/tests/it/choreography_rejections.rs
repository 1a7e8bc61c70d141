//! Rejections: they go back to their source once, whatever crashes, and the source undoes what the one command stood for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use seaworthy_core::{
    choreography::{Escalations, FollowUp, REVOKED, Rejection, RejectionHandlers, RejectionReason, rejected_letters},
    ids::derive,
    inbox::{Consumer, ConsumerConfig},
    message::Message,
    ports::{
        Answers, Broker, Call, DeadLetterRequest, Intercept, InterceptTransaction, Intercepted, PortError, Ports,
        Random, Store, StoreError, SubscriptionSpec, Transaction,
    },
    saga::{Orchestrator, OrchestratorConfig, Registry},
};
use seaworthy_tokio::LocalExternal;

use crate::support::{
    Dice, Kind, World,
    card_room::{Funds, NoSeat, Player, Players, on_store, open, open_with, player, players, table},
    on, on_each_store,
    warnings::Warnings,
};

const SECOND: Duration = Duration::from_secs(1);

/// What becomes of the commit that is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The process dies before it: nothing of it was applied.
    Before,
    /// The process dies right after it: it was applied, and nobody heard.
    After,
}

/// Cuts one commit of a store, by its number.
#[derive(Clone)]
struct Cuts {
    commits: Arc<AtomicUsize>,
    at: usize,
    cut: Cut,
}

impl Intercept for Cuts {
    type Transaction = Self;

    fn transaction(&self) -> Self {
        self.clone()
    }

    async fn call<T: Answers, E: PortError>(
        &self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        inner.await
    }
}

impl InterceptTransaction for Cuts {
    async fn call<T: Answers, E: PortError>(
        &mut self,
        _: Call<'_>,
        inner: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E> {
        inner.await
    }

    async fn commit(self, inner: Result<Box<dyn Transaction>, StoreError>) -> Result<(), StoreError> {
        let inner = inner?;
        if self.commits.fetch_add(1, Ordering::SeqCst) != self.at {
            return inner.commit().await;
        }
        if self.cut == Cut::After {
            inner.commit().await?;
        }
        Err(StoreError::Unknown("the process died".into()))
    }
}

fn rejections(world: &World) -> Vec<Rejection> {
    world.sent("command.rejected").iter().map(|message| message.json().expect("a rejection")).collect()
}

/// A full table, and a player who wants to join it. Returns how many commits it took.
async fn refused_join(world: &World, cuts: Cuts) -> usize {
    world.declare_room();
    world.furnish([player("ann", 100)], [table("t-1", 0)]).await;
    let store: Arc<dyn Store> = Arc::new(Intercepted::new(world.ports.store.clone(), cuts.clone()));
    open(&on_store(&world.ports, store));
    world.change_player("ann", |player| player.join("t-1", 40)).await;
    world.pass(120 * SECOND).await;
    cuts.commits.load(Ordering::SeqCst)
}

#[test]
fn seed_23_a_full_table_has_the_funds_released_with_the_reason_exactly_once_whichever_commit_is_cut() {
    for kind in [Kind::Memory, Kind::Sqlite] {
        let commits = Arc::new(AtomicUsize::new(0));
        on(kind, async |world| {
            let cuts = Cuts { commits: commits.clone(), at: usize::MAX, cut: Cut::Before };
            refused_join(world, cuts).await;
        });
        let commits = commits.load(Ordering::SeqCst);
        // The router's, the table's and the player's, and those of retries.
        assert!(commits >= 3, "{commits} commits");
        for (at, cut) in (0..commits).flat_map(|at| [(at, Cut::Before), (at, Cut::After)]) {
            on(kind, async |world| {
                let commits = Arc::new(AtomicUsize::new(0));
                let made = refused_join(world, Cuts { commits, at, cut }).await;
                assert!(made > at, "cut {cut:?} of commit {at} struck nothing");
                let ann = world.player("ann").await;
                assert_eq!((ann.chips, ann.joins.len()), (100, 0), "{cut:?} commit {at}");
                let (rejected, released) = (rejections(world), world.sent("funds.released"));
                assert_eq!((rejected.len(), released.len()), (1, 1), "{cut:?} commit {at}");
                assert_eq!(rejected[0].refusal::<NoSeat>(), Some(NoSeat::TableFull));
                let (command, told) = (rejected[0].command.id, world.sent("command.rejected")[0].id);
                assert_eq!(told.0, derive(command.0, &["rejection"]), "said again, it is the same message");
                let event = rejected[0].event().expect("readable").expect("it followed from one");
                assert_eq!((event.kind.as_str(), event.subject.as_str()), ("funds.reserved", "ann"));
                let funds: Funds = released[0].json().expect("funds");
                assert_eq!((funds.table.as_str(), funds.chips), ("t-1", 40));
                world.assert_at_rest().await;
            });
        }
    }
}

#[test]
fn seed_29_each_lifecycle_comes_to_rest_although_broker_and_processes_fail() {
    on_each_store(async |world| {
        world.declare_room();
        let names = ["ann", "bob", "cid", "dan"];
        world.furnish(names.map(|name| player(name, 100)), [table("t-1", 3)]).await;
        let before = world.chips(&names, &["t-1"]).await;
        // The broker is down for a minute, and refuses every third message at first after that.
        let mut taken = 0;
        world.broker.says(move |_, now| {
            taken += 1;
            match now.as_millis() < 60_000 || taken % 3 == 0 {
                true => Err(seaworthy_core::ports::PublishError::Unavailable("down".into())),
                false => Ok(()),
            }
        });
        let first = world.replica(2);
        open(&first);
        for name in names {
            world.change_player(name, |player| player.join("t-1", 40)).await;
        }
        world.pass(61 * SECOND).await;
        // That process stops, and another goes on.
        first.stop.set();
        open(&world.replica(3));
        world.pass(900 * SECOND).await;
        let seated = world.table("t-1").await.seated.len();
        assert_eq!((seated, rejections(world).len()), (3, 1));
        assert_eq!(world.chips(&names, &["t-1"]).await, before, "no chip is lost, and none made");
        for name in names {
            assert!(world.player(name).await.joins.is_empty(), "{name} is seated, or has the chips back");
        }
        world.assert_at_rest().await;
    });
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

/// What became of a rejected join whose source decided on `follow_up`.
async fn effects_of(world: &World, follow_up: FollowUp) -> FollowUp {
    world.declare_room();
    let spec = |group: &str, topic: &str| SubscriptionSpec { group: group.into(), topics: vec![topic.into()] };
    world.broker.behind().declare(&spec("escalations", "player.escalations"));
    world.furnish([player("ann", 100)], [table("t-1", 0)]).await;
    open_with(&world.ports, follow_up);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let external = LocalExternal::new().service("webhook", move |call| {
        let rejection: Rejection = serde_json::from_slice(&call.body).expect("the rejection");
        assert_eq!(rejection.command.kind, "seat.player");
        // It fails at first.
        let number = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                0 => Err(seaworthy_core::ports::ExternalError::Unavailable("busy".into())),
                _ => Ok("heard".into()),
            }
        }
    });
    let ports = Ports { external: Arc::new(external), ..world.ports.clone() };
    let mut registry = Registry::new();
    registry.register(Escalations::definition("webhook").expect("one step")).expect("one definition");
    let orchestrator = Orchestrator::new(&ports, registry, OrchestratorConfig::default());
    let handlers = Escalations::handlers(&orchestrator);
    let config = ConsumerConfig::new(["player.escalations"]);
    ports.spawn("escalations", Consumer::new(&ports, "escalations", handlers, config).run());
    let heard = Warnings::listen();
    world.change_player("ann", |player| player.join("t-1", 40)).await;
    world.pass(120 * SECOND).await;
    // The compensation itself does not depend on it.
    assert_eq!((world.player("ann").await.chips, world.sent("funds.released").len()), (100, 1));
    let command = world.sent("seat.player").remove(0);
    let request = DeadLetterRequest::new(rejected_letters::<Players>(), 9);
    let letters = world.ports.store.dead_letters(&request).await.expect("a store that is up");
    for letter in &letters {
        assert_eq!((&letter.message.id, letter.reason.as_str()), (&command.id, "refused: \"table_full\""));
        assert!(heard.lines().iter().any(|line| line.contains("dead letter")), "{:?}", heard.lines());
    }
    let revoked = world.sent(REVOKED);
    for revoked in &revoked {
        let event: Message = revoked.json().expect("the event");
        assert_eq!((&*event.kind, &*revoked.topic, &*revoked.subject), ("funds.reserved", "player", "ann"));
    }
    let aborted = world.sent("event.aborted");
    assert!(aborted.iter().all(|message| message.topic == "player-to-table.answers"));
    assert_eq!(
        world.sent("command.escalated").len(),
        calls.load(Ordering::SeqCst) / 2,
        "once, and once more as it failed"
    );
    assert!(letters.len() < 2 && revoked.len() < 2 && aborted.len() < 2);
    let mut found = FollowUp::none();
    found.dead_letter = letters.len() == 1;
    found.escalate = calls.load(Ordering::SeqCst) == 2;
    found.revoke = revoked.len() == 1;
    found.abort = aborted.len() == 1;
    world.assert_at_rest().await;
    found
}

#[test]
fn seed_25_each_of_the_sixteen_combinations_has_its_effects_and_no_others() {
    for bits in 0..16 {
        let mut follow_up = FollowUp::none();
        for (bit, with) in
            [FollowUp::dead_letter, FollowUp::escalate, FollowUp::revoke, FollowUp::abort].iter().enumerate()
        {
            if bits & (1 << bit) != 0 {
                follow_up = with(follow_up);
            }
        }
        on_each_store(async |world| {
            assert_eq!(effects_of(world, follow_up).await, follow_up);
        });
    }
}

#[test]
fn seed_25_commands_of_an_aborted_event_that_are_stale_are_rejected_and_not_sent_again() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([player("ann", 100), player("bob", 100)], [table("t-1", 6)]).await;
        world.ports.spawn("relay", seaworthy_core::outbox::Relay::new(&world.ports).run());
        let router = crate::support::card_room::player_to_table();
        world.ports.spawn("router", router.consumer(&world.ports).run());
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.pass(5 * SECOND).await;
        // The word comes while the command is under way, and meanwhile the table has changed.
        let event = world.sent("funds.reserved").remove(0);
        let built = seaworthy_core::message::MessageBuilder::new("player", "event.aborted", "ann");
        let aborted = built.topic("player-to-table.answers").json(&event).expect("a form");
        let aborted = aborted.derive(event.id.0, &["test"], event.time);
        world.broker.publish(&[aborted]).await.expect("up").remove(0).expect("the router listens");
        world.change_table("t-1", |table| table.hands += 1).await;
        let handlers = crate::support::card_room::table_commands(&world.ports);
        world.ports.spawn(
            "tables",
            Consumer::new(&world.ports, "tables", handlers, ConsumerConfig::new(["table.commands"])).run(),
        );
        world.pass(60 * SECOND).await;
        let reasons: Vec<_> = rejections(world).into_iter().map(|rejection| rejection.reason).collect();
        assert_eq!((reasons, world.sent("seat.player").len()), (vec![RejectionReason::Aborted], 1));
        assert!(world.table("t-1").await.seated.is_empty());
    });
}

#[test]
fn a_compensation_that_would_leave_a_terminal_state_is_dropped_with_a_warning() {
    on_each_store(async |world| {
        world.declare_room();
        world.furnish([Player { barred: true, ..player("ann", 100) }], [table("t-1", 0)]).await;
        let revive = |player: &mut Player, _: &Rejection| {
            player.barred = false;
            Ok(FollowUp::none().dead_letter())
        };
        let handlers =
            RejectionHandlers::builder::<Players>(&world.ports, players(&world.ports)).on("seat.player", revive);
        let handlers = handlers.ended_when(|player| player.barred).build().expect("one command");
        let config = ConsumerConfig::new(["player.rejections"]);
        world.ports.spawn("relay", seaworthy_core::outbox::Relay::new(&world.ports).run());
        world.ports.spawn("router", crate::support::card_room::player_to_table().consumer(&world.ports).run());
        let tables = crate::support::card_room::table_commands(&world.ports);
        world.ports.spawn(
            "tables",
            Consumer::new(&world.ports, "tables", tables, ConsumerConfig::new(["table.commands"])).run(),
        );
        world.ports.spawn("rejections", Consumer::new(&world.ports, "player-rejections", handlers, config).run());
        let heard = Warnings::listen();
        world.change_player("ann", |player| player.join("t-1", 40)).await;
        world.pass(60 * SECOND).await;
        assert!(world.player("ann").await.barred);
        assert!(heard.lines().iter().any(|line| line.contains("would leave a terminal state")), "{:?}", heard.lines());
        assert_eq!(rejected_letters::<Players>(), "player.rejected", "no letters of other domains are among them");
        let request = DeadLetterRequest::new(rejected_letters::<Players>(), 9);
        assert_eq!(world.ports.store.dead_letters(&request).await.expect("a store that is up").len(), 1);
    });
}
