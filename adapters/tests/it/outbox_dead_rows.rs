//! Dead rows as an operator works them off: some of them by what they are, and on behind those that fail again.

use std::time::Duration;

use seaworthy_core::{
    message::Message,
    outbox::{self, Relay},
    ports::{DeadRowRequest, PublishError},
};

use crate::support::{World, messages::message, on_each_store};

/// Stages messages of two topics, all of which the broker refuses.
async fn refused(world: &World, invoices: usize, mails: usize) {
    world.broker.says(|message, _| Err(PublishError::Refused(format!("{} is too large", message.topic).into())));
    world.ports.spawn("relay", Relay::new(&world.ports).run());
    world.stage((0..invoices).map(|number| message("invoices", number))).await;
    world.stage((0..mails).map(mail)).await;
    world.pass(Duration::from_secs(30)).await;
    assert_eq!(dead(world).await.len(), invoices + mails);
}

fn mail(number: usize) -> Message {
    Message { kind: "mail.due".into(), ..message("mails", number) }
}

async fn dead(world: &World) -> Vec<Message> {
    let rows = world.ports.store.dead_rows(&DeadRowRequest::new(10_000)).await.expect("up");
    rows.into_iter().map(|dead| dead.row.message).collect()
}

#[test]
fn dead_rows_are_brought_back_by_topic_type_key_and_reason() {
    on_each_store(async |world| {
        refused(world, 4, 1_200).await;
        world.broker.says(|_, _| Ok(()));
        let redrive = async |rows| {
            let redriven = outbox::redrive(&*world.ports.store, &rows).await.expect("up");
            world.pass(Duration::from_secs(30)).await;
            (redriven, world.broker.accepted_of("invoices"), world.broker.accepted_of("mails"))
        };
        let all = || DeadRowRequest::new(usize::MAX);
        assert_eq!(redrive(all().of_topic("letters")).await, (0, 0, 0));
        assert_eq!(redrive(all().of_key("mails-7")).await, (1, 0, 1));
        assert_eq!(redrive(all().of_topic("invoices").because("mails")).await, (0, 0, 1));
        assert_eq!(redrive(all().because("invoices is too large")).await, (4, 4, 1));
        assert_eq!(redrive(DeadRowRequest::new(600).of_kind("mail.due")).await, (600, 4, 601));
        assert_eq!(redrive(all().of_kind("mail.due")).await, (599, 4, 1_200), "more than one transaction takes");
        assert_eq!(dead(world).await, []);
    });
}

#[test]
fn a_redrive_goes_on_behind_the_rows_that_fail_again() {
    on_each_store(async |world| {
        refused(world, 60, 0).await;
        // Mended for all but those that died first.
        let first: Vec<_> = dead(world).await.iter().take(20).map(|message| message.id).collect();
        let broken = first.clone();
        world.broker.says(move |message, _| match broken.contains(&message.id) {
            true => Err(PublishError::Refused("too large still".into())),
            false => Ok(()),
        });
        for _ in 0..4 {
            assert_eq!(outbox::redrive(&*world.ports.store, &DeadRowRequest::new(20)).await, Ok(20));
            world.pass(Duration::from_secs(30)).await;
        }
        assert_eq!(world.broker.accepted_of("invoices"), 40);
        let left: Vec<_> = dead(world).await.iter().map(|message| message.id).collect();
        assert_eq!(left, first);
    });
}

#[test]
fn a_row_that_dies_again_while_all_are_redriven_is_not_brought_back_twice() {
    on_each_store(async |world| {
        refused(world, 1_300, 0).await;
        let before = world.broker.asked().len();
        let redriven = outbox::redrive(&*world.ports.store, &DeadRowRequest::new(usize::MAX)).await;
        world.pass(Duration::from_secs(60)).await;
        assert_eq!((redriven, world.broker.asked().len() - before), (Ok(1_300), 1_300));
    });
}

#[test]
fn dead_rows_that_nobody_needs_are_discarded_by_name_or_by_type() {
    on_each_store(async |world| {
        refused(world, 3, 5).await;
        let store = &*world.ports.store;
        let discard = async |rows| outbox::discard(store, &rows).await.expect("up");
        let named = DeadRowRequest::new(9).only([mail(3).id, message("invoices", 1).id]);
        assert_eq!(discard(named.clone()).await.len(), 2);
        assert_eq!(discard(named).await, [], "they are gone");
        let mails = DeadRowRequest::new(3).of_kind("mail.due");
        assert_eq!(discard(mails.clone()).await.len(), 3);
        assert_eq!(discard(mails.clone()).await.len(), 1);
        assert_eq!(discard(mails).await, []);
        let left: Vec<_> = dead(world).await.iter().map(|message| message.partition_key.clone()).collect();
        assert_eq!(left, ["invoices-0", "invoices-2"]);
        // What is discarded is in nobody's way, and never goes out.
        world.broker.says(|_, _| Ok(()));
        outbox::redrive(store, &DeadRowRequest::new(usize::MAX)).await.expect("up");
        world.pass(Duration::from_secs(30)).await;
        assert_eq!((world.broker.accepted_of("invoices"), world.broker.accepted_of("mails")), (2, 0));
    });
}
