//! A message that kills its relay takes no other with it for long, and ends in the dead rows.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::{Either, pending, ready, select};
use seaworthy_core::{
    ids::MessageId,
    message::Message,
    outbox::{LogRelay, Relay, RelayConfig},
    ports::{DeadRowRequest, OutboxOrder, Ports, PublishError, WhenDead},
};

use crate::support::{World, messages::message, on_each_store, publishing::before_publishing, warnings::Warnings};

/// Runs processes one after the other, each until it is killed or has nothing to do, and returns how many were killed.
async fn run_processes(world: &World, poison: &[Message], config: &RelayConfig, processes: usize) -> usize {
    run(world, poison, processes, async |ports| Relay::new(ports).config(config.clone()).run().await).await
}

/// The same with relays that tail the log.
async fn run_tailing(world: &World, poison: &[Message], config: &RelayConfig, processes: usize) -> usize {
    run(world, poison, processes, async |ports| LogRelay::new(ports, "log").config(config.clone()).run().await).await
}

async fn run(world: &World, poison: &[Message], processes: usize, relay: impl AsyncFn(&Ports)) -> usize {
    let poison: BTreeSet<MessageId> = poison.iter().map(|message| message.id).collect();
    let is_killed = Arc::new(AtomicBool::new(false));
    let kill = is_killed.clone();
    // Kills whoever publishes one of them: the call never comes back, and the process is gone.
    let broker = before_publishing(world.broker.clone(), move |batch| {
        if batch.iter().all(|message| !poison.contains(&message.id)) {
            return Box::pin(ready(Ok(())));
        }
        kill.store(true, Ordering::SeqCst);
        Box::pin(pending())
    });
    let ports = Ports { broker, ..world.ports.clone() };
    let mut killed = 0;
    for _ in 0..processes {
        let relay = relay(&ports);
        let life = async {
            // Rows may wait behind a dead one.
            for _ in 0..1_000 {
                world.pass(Duration::from_millis(50)).await;
                if is_killed.swap(false, Ordering::SeqCst) {
                    return true;
                }
                if world.ports.store.backlog().await.expect("up").outbox_unsettled == 0 {
                    return false;
                }
            }
            false
        };
        // Whichever ends first: dropped, the relay has died.
        match select(pin!(relay), pin!(life)).await {
            Either::Left(_) => unreachable!("nobody stops it"),
            Either::Right((died, _)) => killed += usize::from(died),
        }
        world.pass(Duration::from_secs(31)).await;
    }
    killed
}

#[test]
fn a_message_that_kills_its_relay_is_set_apart_from_its_company_and_buried() {
    for poisons in [1, 3] {
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let all: Vec<Message> = (0..20).map(|number| message("orders", number)).collect();
            world.stage(all.clone()).await;
            let killed = run_processes(world, &all[..poisons], &RelayConfig::default(), 2).await;
            assert_eq!((killed, world.broker.accepted_of("orders")), (2, 0), "all of them are in one batch at first");
            run_processes(world, &all[..poisons], &RelayConfig::default(), 5 * poisons).await;
            assert_eq!(world.broker.accepted_of("orders"), 20 - poisons, "and soon it takes no other with it");
            let killed = run_processes(world, &all[..poisons], &RelayConfig::default(), 150).await;
            assert_eq!(world.broker.accepted_of("orders"), 20 - poisons);
            let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
            let ids: BTreeSet<MessageId> = dead.iter().map(|dead| dead.row.message.id).collect();
            assert_eq!(ids, all[..poisons].iter().map(|message| message.id).collect());
            assert!(dead.iter().all(|dead| dead.reason.contains("times without a result")), "{dead:?}");
            assert!(killed <= 28 * poisons, "{killed} more were killed");
            let said = heard.lines().iter().filter(|line| line.contains("times without a result")).count();
            assert_eq!(said, poisons);
        });
    }
}

/// A hundred in one batch, of which the first or the last one kills: after two deaths the others leave by halves.
#[test]
fn of_a_full_batch_half_of_those_that_are_left_go_at_a_time() {
    for (killer, expected) in [(0, [0, 0, 0, 50, 75, 87, 93, 99, 99, 99]), (99, [0, 0, 99, 99, 99, 99, 99, 99, 99, 99])]
    {
        on_each_store(async |world| {
            let config = RelayConfig::default().bury_after_claims(None);
            let all = numbered(100);
            world.stage(all.clone()).await;
            let mut accepted = Vec::new();
            for _ in 0..expected.len() {
                assert_eq!(run_processes(world, &all[killer..=killer], &config, 1).await, 1);
                accepted.push(world.broker.accepted_of("orders"));
            }
            assert_eq!(accepted, expected, "how many are out after each death");
        });
    }
}

/// The poison was staged first and is claimed first each time.
#[test]
fn its_company_goes_out_before_it_is_buried_and_also_where_it_never_is() {
    for bury in [Some(1_000), None] {
        on_each_store(async |world| {
            let config = RelayConfig::default().bury_after_claims(bury);
            let all = [message("orders", 0), message("orders", 1)];
            world.stage(all.clone()).await;
            run_processes(world, &all[..1], &config, 4).await;
            assert_eq!(world.broker.accepted_of("orders"), 1, "after two deaths each goes alone");
            assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
        });
    }
}

/// Rows that were in hand at several deaths wait apart while others are published: what ends those processes is not them.
#[test]
fn rows_that_are_suspected_do_not_pay_for_every_death_of_others() {
    on_each_store(async |world| {
        let config = RelayConfig::default().max_attempts(2).bury_after_claims(Some(14));
        let deadly: Vec<Message> = (0..20).map(|number| message("deadly", number)).collect();
        let suspects: Vec<Message> = (0..4).map(|number| message("orders", number)).collect();
        // One that kills takes them with it until they are suspects, and is harmless then.
        world.stage([&suspects[..], &deadly[..1]].concat()).await;
        run_processes(world, &deadly[..1], &config, 2).await;
        assert_eq!(world.broker.accepted_of("orders"), 0, "they were in hand with it each time");
        // Each of these kills once, at once: it is not what is suspected.
        for next in deadly[1..].chunks(1) {
            world.stage(next.to_vec()).await;
            assert_eq!(run_processes(world, next, &config, 1).await, 1);
        }
        run_processes(world, &[], &config, 3).await;
        assert_eq!(world.broker.accepted_of("orders"), 4, "none was buried for the deaths of others");
    });
}

/// The last claim that is given away is the one by which it is buried.
#[test]
fn it_is_claimed_as_often_as_the_setting_says_and_no_more() {
    on_each_store(async |world| {
        let config = RelayConfig::default().max_attempts(2).bury_after_claims(Some(4));
        let poison = message("orders", 0);
        world.stage([poison.clone()]).await;
        assert_eq!(run_processes(world, std::slice::from_ref(&poison), &config, 8).await, 4);
        let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
        assert_eq!(dead[0].reason, "claimed 4 times without a result");
    });
}

/// Two deaths have made it a suspect, which goes alone behind all others; that these fail, too, says that it is the topic.
#[test]
fn an_outage_of_its_topic_is_not_held_against_a_suspect() {
    on_each_store(async |world| {
        let config = RelayConfig::default().max_attempts(1).bury_after_claims(None);
        let suspect = message("orders", 0);
        world.stage([suspect.clone()]).await;
        assert_eq!(run_processes(world, std::slice::from_ref(&suspect), &config, 2).await, 2);
        world.stage([message("orders", 1)]).await;
        world.broker.says(|_, _| Err(PublishError::Unknown("timeout".into())));
        world.ports.spawn("relay", Relay::new(&world.ports).config(config).run());
        world.pass(Duration::from_secs(600)).await;
        assert_eq!(world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up"), []);
        world.broker.says(|_, _| Ok(()));
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(world.broker.accepted_of("orders"), 2);
    });
}

/// What comes later never travels with it.
#[test]
fn fresh_messages_do_not_wait_for_it() {
    on_each_store(async |world| {
        let config = RelayConfig::default().bury_after_claims(None);
        let poison = message("orders", 0);
        world.stage([poison.clone()]).await;
        run_processes(world, std::slice::from_ref(&poison), &config, 12).await;
        for number in 1..20 {
            world.stage([message("orders", number)]).await;
            run_processes(world, std::slice::from_ref(&poison), &config, 1).await;
            assert_eq!(world.broker.accepted_of("orders"), number);
        }
    });
}

fn numbered(count: usize) -> Vec<Message> {
    (0..count).map(|number| message("orders", number)).collect()
}

async fn dead(world: &World) -> Vec<(MessageId, String)> {
    let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
    dead.into_iter().map(|dead| (dead.row.message.id, dead.reason.to_string())).collect()
}

/// A relay of the log claims nothing: it counts the first rows after its start, which go out one at a time.
#[test]
fn a_message_that_kills_each_relay_of_the_log_is_buried_after_so_many_deaths_and_all_others_go_out() {
    // First of all, in the middle of a batch, and far behind the first rows.
    for place in [0, 50, 330] {
        on_each_store(async |world| {
            let heard = Warnings::listen();
            let config = RelayConfig::default().max_attempts(3).bury_after_claims(Some(5));
            let all = numbered(400);
            world.stage(all.clone()).await;
            let poison = std::slice::from_ref(&all[place]);
            let killed = run_tailing(world, poison, &config, 12).await;
            // Where it came in a batch, that death told of nobody.
            assert_eq!(killed, if place < 100 { 5 } else { 6 }, "{place}");
            assert_eq!(world.broker.accepted_of("orders"), 399);
            let reason = "its relay has ended 5 times with this one in hand, without a result";
            assert_eq!(dead(world).await, [(poison[0].id, reason.to_owned())]);
            assert_eq!(heard.lines().iter().filter(|line| line.contains(reason)).count(), 1);
        });
    }
}

/// With every order and effect of a death, three of them, of which two share a key with others.
#[test]
fn several_that_kill_are_told_from_their_company_whatever_the_order() {
    for (ordering, when_dead) in [
        (OutboxOrder::PerKey, WhenDead::BlockKey),
        (OutboxOrder::PerKey, WhenDead::SkipDead),
        (OutboxOrder::Unordered, WhenDead::BlockKey),
    ] {
        on_each_store(async |world| {
            let config = RelayConfig::default().max_attempts(2).bury_after_claims(Some(3));
            let config = config.ordering(ordering).when_dead(when_dead);
            let mut all = numbered(12);
            for (number, message) in all.iter_mut().enumerate() {
                message.partition_key = format!("key-{}", number % 4).into();
            }
            world.stage(all.clone()).await;
            let poison = [all[1].clone(), all[6].clone(), all[10].clone()];
            let killed = run_tailing(world, &poison, &config, 20).await;
            let mut died: Vec<MessageId> = dead(world).await.into_iter().map(|(id, _)| id).collect();
            died.sort_unstable();
            // What waits behind a dead one is not tried: the tenth behind the sixth.
            let (expected, sent) = match (ordering, when_dead) {
                (OutboxOrder::PerKey, WhenDead::BlockKey) => (vec![all[1].id, all[6].id], 7),
                _ => (poison.iter().map(|message| message.id).collect(), 9),
            };
            let mut expected: Vec<MessageId> = expected;
            expected.sort_unstable();
            assert_eq!(died, expected);
            assert_eq!(world.broker.accepted_of("orders"), sent);
            assert_eq!(killed, 3 * expected.len(), "each has killed as often as it may");
        });
    }
}

/// It waits for everybody else, also long after the start.
#[test]
fn nobody_waits_for_one_that_is_suspected_by_a_relay_of_the_log() {
    on_each_store(async |world| {
        let config = RelayConfig::default().bury_after_claims(None);
        let poison = message("orders", 0);
        world.stage([poison.clone()]).await;
        run_tailing(world, std::slice::from_ref(&poison), &config, 2).await;
        for number in 1..20 {
            world.stage([message("orders", number)]).await;
            run_tailing(world, std::slice::from_ref(&poison), &config, 1).await;
            assert_eq!(world.broker.accepted_of("orders"), number);
        }
        assert_eq!(dead(world).await, []);
    });
}

/// Whatever ends in an ordinary way is no death: an outage of the broker through fifty starts, at which the first rows are
/// tried again and again.
#[test]
fn a_relay_of_the_log_that_lives_on_holds_nothing_against_a_row() {
    for answer in [PublishError::Unavailable("down".into()), PublishError::Unknown("timeout".into())] {
        on_each_store(async |world| {
            let config = RelayConfig::default().max_attempts(1).bury_after_claims(Some(2));
            world.stage(numbered(5)).await;
            let down = answer.clone();
            world.broker.says(move |_, _| Err(down.clone()));
            for _ in 0..50 {
                let relay = LogRelay::new(&world.ports, "log").config(config.clone()).run();
                let life = world.pass(Duration::from_secs(7));
                // The relay dies while it waits.
                let _ = select(pin!(relay), pin!(life)).await;
            }
            assert_eq!(dead(world).await, []);
            world.broker.says(|_, _| Ok(()));
            assert_eq!(run_tailing(world, &[], &config, 1).await, 0);
            assert_eq!(world.broker.accepted_of("orders"), 5);
        });
    }
}
