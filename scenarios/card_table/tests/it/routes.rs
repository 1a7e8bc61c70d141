//! Who listens to what, and what is translated into what.

use std::collections::{BTreeMap, BTreeSet};

use seaworthy_card_table::{
    hands::{hand_life, table_to_hand},
    messages::{
        CREDIT, DEAL_CARDS, FUNDS_RESERVED, Funds, GROUPS, HAND_STARTED, HandStarted, Hands, PAID_OUT, PaidOut, Payout,
        Players, SEAT_PLAYER, Tables,
    },
    players::PayOut,
    tables::{AskForSeat, player_to_table},
};
use seaworthy_core::{
    choreography::{Destination, DestinationState, Destinations, Domain, ExpectedSequence, Router, Translator as _},
    message::{Message, MessageBuilder},
    ports::Timestamp,
};
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

fn event(source: &str, kind: &str, subject: &str, content: &impl Serialize) -> Message {
    let built = MessageBuilder::new(source, kind, subject).json(content).expect("a form");
    built.derive(Uuid::from_u128(7), &[kind], Timestamp::EPOCH)
}

fn at_version(version: u64) -> Option<DestinationState> {
    Some(DestinationState { version, body: "{}".into() })
}

#[test]
fn seed_19_each_group_listens_to_the_topics_that_it_is_declared_with() {
    let declared: BTreeMap<&str, BTreeSet<&str>> =
        GROUPS.iter().map(|(group, topics)| (*group, topics.iter().copied().collect())).collect();
    assert_eq!(declared.len(), GROUPS.len(), "no group twice");
    let check = |name: &str, topics: &[SmolStr]| {
        assert_eq!(declared[name], topics.iter().map(SmolStr::as_str).collect(), "{name}");
    };
    for router in [player_to_table(AskForSeat), table_to_hand()] {
        check(router.name(), &router.topics());
    }
    check(hand_life().name(), hand_life().topics());
    for (commands, domain) in [
        ("player-commands", Players::commands_topic()),
        ("table-commands", Tables::commands_topic()),
        ("hand-commands", Hands::commands_topic()),
        ("player-rejections", Players::rejections_topic()),
        ("table-rejections", Tables::rejections_topic()),
    ] {
        check(commands, &[domain]);
    }
}

#[test]
fn seed_19_a_hand_that_has_started_becomes_the_command_to_deal_its_cards() {
    let started =
        HandStarted { hand: "t-1-h1".into(), table: "t-1".into(), players: vec!["ann".into(), "bob".into()], stake: 5 };
    let (router, hand) = (table_to_hand(), Destination::new::<Hands>("t-1-h1"));
    let event = event(Tables::NAME, HAND_STARTED, "t-1", &started);
    assert_eq!(router.prepare(&event).expect("a known event"), std::slice::from_ref(&hand));
    let commands = router.handle(&event, &Destinations::from([(hand.clone(), None)])).expect("one command");
    assert_eq!(commands.len(), 1);
    assert_eq!((commands[0].kind(), commands[0].destination()), (DEAL_CARDS, &hand));
    assert_eq!(commands[0].expected(), ExpectedSequence::Exact(0), "where there is none yet");
    assert_eq!(serde_json::from_slice::<HandStarted>(commands[0].data()).expect("its own form"), started);
}

#[test]
fn a_request_for_a_seat_expects_the_table_as_it_was_seen() {
    let funds = Funds { player: "ann".into(), join: "j-1".into(), table: "t-1".into(), chips: 30 };
    let table = Destination::new::<Tables>("t-1");
    let router = player_to_table(AskForSeat);
    let event = event(Players::NAME, FUNDS_RESERVED, "ann", &funds);
    let commands = router.handle(&event, &Destinations::from([(table.clone(), at_version(4))])).expect("one command");
    assert_eq!((commands[0].kind(), commands[0].expected()), (SEAT_PLAYER, ExpectedSequence::Exact(4)));
    assert!(router.handle(&event, &Destinations::none()).is_err(), "a table that nobody has looked up is no table");
}

#[test]
fn seed_21_a_settlement_of_up_to_a_hundred_players_becomes_a_credit_for_each_payout_of_the_same_sum() {
    let router = Router::builder("table-to-player").source::<Tables>().on(PAID_OUT, PayOut).build().expect("one event");
    for count in 1..=100_u32 {
        // Each third one has won something, and is paid twice.
        let owners = (0..count).flat_map(|player| vec![player; if player % 3 == 0 { 2 } else { 1 }]);
        let payouts: Vec<Payout> = (0..)
            .zip(owners)
            .map(|(number, player)| Payout {
                table: "t-1".into(),
                number,
                player: format_smolstr!("p-{player}"),
                chips: u64::from(number) + 1,
            })
            .collect();
        let paid = PaidOut { payouts: payouts.clone() };
        let seen: Destinations = PayOut.prepare(&paid).into_iter().map(|player| (player, at_version(9))).collect();
        let event = event(Tables::NAME, PAID_OUT, "t-1", &paid);
        let commands = router.handle(&event, &seen).expect("a credit each");
        let sent = router.split(&event, commands, Timestamp::EPOCH).expect("a message each");
        assert!(sent.iter().all(|message| message.kind == CREDIT && message.causation_id == Some(event.id)));
        let credited: Vec<Payout> = sent.iter().map(|message| message.json().expect("a payout")).collect();
        assert_eq!(credited, payouts);
        let ids: BTreeSet<_> = sent.iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), payouts.len());
        // Of two for one player the second comes after the first.
        let mut before = BTreeMap::<SmolStr, u64>::new();
        for message in &sent {
            let expected = message.headers.get("commandexpected").expect("an expected version");
            let place = before.entry(message.subject.clone()).or_default();
            assert_eq!(expected, (9 + *place).to_string());
            *place += 1;
        }
    }
}
