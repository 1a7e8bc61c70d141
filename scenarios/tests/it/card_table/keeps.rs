//! A table that takes each rejection for a player who has left, beside a router that sends no command twice: together they keep what
//! is owed.

use seaworthy_card_table::{
    messages::{
        CONFIRM_JOIN, CREDIT, Funds, PAID_OUT, PLAYER_SEATED, Payout, Players, TABLE_REJECTIONS, TABLE_TO_PLAYER,
        Tables,
    },
    players::{self, PayOut, wallets},
    tables::{self, Table, tables},
};
use seaworthy_core::{
    choreography::{Command, FollowUp, Rejection, RejectionHandlers, Router},
    inbox::Handlers,
    ports::Ports,
};
use seaworthy_scenarios::card_table::CardTable;
use seaworthy_sim::explore::{Seeds, SweepOptions, Until, sweep};

fn sends_nothing_twice(ports: &Ports) -> Handlers {
    let confirm = |seated: &Funds| Ok(vec![Command::new::<Players>(CONFIRM_JOIN, seated.player.clone(), seated)?]);
    let router = Router::builder(TABLE_TO_PLAYER).source::<Tables>().states(wallets(ports)).attempts_max(1);
    let router = router.translate(PLAYER_SEATED, confirm).on(PAID_OUT, PayOut).build().expect("two events");
    router.handlers(ports.clock.clone())
}

fn keeps_it_whatever_the_reason(ports: &Ports) -> Handlers {
    let keep = |table: &mut Table, rejection: &Rejection| {
        table.keep(&rejection.command::<Payout>()?);
        Ok(FollowUp::none())
    };
    let rejections = RejectionHandlers::builder::<Tables>(ports, tables(ports)).on(CREDIT, keep);
    rejections.ended_when(|table| table.is_settled).build().expect("one command")
}

#[test]
fn a_table_that_keeps_what_was_rejected_for_whatever_reason_is_found() {
    let wrong =
        CardTable::with_mistake("keeps-whatever-comes-back", "a table keeps what is owed to who is still there");
    let wrong = wrong
        .players(|ports| {
            let consumers = players::consumers(&ports).with(TABLE_TO_PLAYER, sends_nothing_twice(&ports));
            Box::pin(players::serve_with(ports, consumers))
        })
        .tables(|ports| {
            let consumers = tables::consumers(&ports).with(TABLE_REJECTIONS, keeps_it_whatever_the_reason(&ports));
            Box::pin(tables::serve_with(ports, consumers))
        });
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_0001), Until::runs(1_000).failures(1));
    options.search.jobs = 1;
    let campaign = sweep(&wrong, &options, &|_| {}).expect("there are seeds");
    let failure = campaign.failures.first().expect("somebody pays, joins or leaves at the same time");
    assert_eq!(failure.violation.invariant, "kept-only-from-who-left", "{:?}", failure.violation);
}
