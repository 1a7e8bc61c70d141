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
    outbox::{Relay, RelayConfig},
    ports::{DeadRowRequest, Ports, PublishError},
};

use crate::support::{World, messages::message, on_each_store, publishing::before_publishing, warnings::Warnings};

/// Runs processes one after the other, each until it is killed or has nothing to do, and returns how many were killed.
async fn run_processes(world: &World, poison: &[Message], config: &RelayConfig, processes: usize) -> usize {
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
        let relay = Relay::new(&ports).config(config.clone()).run();
        let life = async {
            loop {
                world.pass(Duration::from_millis(50)).await;
                if is_killed.swap(false, Ordering::SeqCst) {
                    return true;
                }
                if world.ports.store.backlog().await.expect("up").outbox_unsettled == 0 {
                    return false;
                }
            }
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
            let killed = run_processes(world, &all[..poisons], &RelayConfig::default(), 11).await;
            assert_eq!(killed, 11, "all of them are in one batch until they are suspects");
            let killed = run_processes(world, &all[..poisons], &RelayConfig::default(), 150).await;
            assert_eq!(world.broker.accepted_of("orders"), 20 - poisons);
            let dead = world.ports.store.dead_rows(&DeadRowRequest::new(10)).await.expect("up");
            let ids: BTreeSet<MessageId> = dead.iter().map(|dead| dead.row.message.id).collect();
            assert_eq!(ids, all[..poisons].iter().map(|message| message.id).collect());
            assert!(dead.iter().all(|dead| dead.reason.contains("times without a result")), "{dead:?}");
            assert!(killed <= 20 * poisons, "{killed} more were killed");
            let said = heard.lines().iter().filter(|line| line.contains("times without a result")).count();
            assert_eq!(said, poisons);
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
            run_processes(world, &all[..1], &config, 14).await;
            assert_eq!(world.broker.accepted_of("orders"), 1, "after ten deaths each goes alone");
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
