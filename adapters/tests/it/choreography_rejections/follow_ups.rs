//! Decisions of a source about a rejection: put aside, tell, take back, stop, in any combination.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use seaworthy_core::{
    choreography::{Escalations, FollowUp, REVOKED, Rejection, RejectionHandlers, RejectionReason, rejected_letters},
    inbox::{Consumer, ConsumerConfig},
    message::Message,
    ports::{Broker as _, DeadLetterRequest, FailureKind, Operation, Ports, SubscriptionSpec},
    saga::{Orchestrator, OrchestratorConfig, Registry},
};
use seaworthy_tokio::LocalExternal;
use tracing::Level;

use crate::support::{
    World,
    calls::{Calls, Fate},
    card_room::{Player, Players, open_with, player, players, table},
    on_each_store,
    warnings::Warnings,
};

use super::{SECOND, rejections};

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

/// A join at a full table, where so becomes of the first commits of whoever handles commands and of whoever handles rejections. Returns
/// what was said, and the number of commits of either.
async fn said_of_a_rejection(world: &World, barred: bool, first_commits: fn() -> Fate) -> (Vec<String>, [usize; 2]) {
    world.declare_room();
    world.furnish([Player { barred, ..player("ann", 100) }], [table("t-1", 0)]).await;
    let revive = |player: &mut Player, _: &Rejection| {
        player.barred = false;
        Ok(FollowUp::none().dead_letter())
    };
    let script = move |operation, number| match (operation, number) {
        (Operation::Commit, 1..=3) => first_commits(),
        _ => Fate::Well,
    };
    let (commits_of_tables, ports_of_tables) = Calls::before(&world.ports, script);
    let (commits, ports) = Calls::before(&world.ports, script);
    let handlers = RejectionHandlers::builder::<Players>(&ports, players(&ports)).on("seat.player", revive);
    let handlers = handlers.ended_when(|player| player.barred).build().expect("one command");
    world.ports.spawn("relay", seaworthy_core::outbox::Relay::new(&world.ports).run());
    world.ports.spawn("router", crate::support::card_room::player_to_table().consumer(&world.ports).run());
    let tables = crate::support::card_room::table_commands(&ports_of_tables);
    let config = ConsumerConfig::new(["table.commands"]);
    ports_of_tables.spawn("tables", Consumer::new(&ports_of_tables, "tables", tables, config).run());
    let config = ConsumerConfig::new(["player.rejections"]);
    ports.spawn("rejections", Consumer::new(&ports, "player-rejections", handlers, config).run());
    let heard = Warnings::listen_up_to(Level::INFO);
    world.change_player("ann", |player| player.join("t-1", 40)).await;
    world.pass(60 * SECOND).await;
    let request = DeadLetterRequest::new(rejected_letters::<Players>(), 9);
    assert_eq!(world.ports.store.dead_letters(&request).await.expect("a store that is up").len(), 1);
    (heard.lines(), [commits_of_tables, commits].map(|calls| calls.times(Operation::Commit).len()))
}

/// Whether its compensation is dropped or not.
const CASES: [(bool, &str, &str); 2] = [
    (true, "would leave a terminal state", "rejected command is compensated"),
    (false, "rejected command is compensated", "would leave a terminal state"),
];

fn is_said_once(lines: &[String], expected: &str, other: &str) {
    let times = |said: &str| lines.iter().filter(|line| line.contains(said)).count();
    let said = ["command is rejected", "message is a dead letter", expected, other].map(times);
    assert_eq!(said, [1, 1, 1, 0], "{lines:#?}");
}

#[test]
fn an_attempt_that_does_not_commit_says_nothing() {
    for (barred, expected, other) in CASES {
        on_each_store(async |world| {
            let conflict = || Fate::Fails(FailureKind::Conflict);
            let (lines, commits) = said_of_a_rejection(world, barred, conflict).await;
            assert!(commits.iter().all(|commits| *commits >= 4), "it is tried again: {commits:?}");
            is_said_once(&lines, expected, other);
        });
    }
}

/// Whether it was done shows in the next attempt, which finds the message handled.
#[test]
fn what_is_committed_is_said_also_where_the_answer_to_the_commit_is_lost() {
    for (barred, expected, other) in CASES {
        on_each_store(async |world| {
            let (lines, _) = said_of_a_rejection(world, barred, || Fate::Lost).await;
            is_said_once(&lines, expected, other);
        });
    }
}
