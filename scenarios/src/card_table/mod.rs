//! A card table in three domains that answer each other by events and commands: the scenario of `seaworthy-card-table`.
//!
//! Few players with few chips join tables of few seats, several at once and at several tables; each table plays one hand, in
//! which some do nothing, and is settled. Some give up their seat before, and some leave for good, so that nobody takes
//! their payout (see [`Evening::draw`]).

mod invariants;
mod room;
mod workload;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use seaworthy_card_table::{
    hands,
    messages::{GROUPS, HAND_LIFE, Hands, OVER, Players, Tables},
    players::{self, open_wallets},
    tables::{self, open_tables},
};
use seaworthy_core::{
    choreography::Domain as _,
    ports::{Ports, Store},
};
use seaworthy_sim::{invariants::Invariant, prelude::*};
use smol_str::{SmolStr, format_smolstr};

pub use workload::{Evening, Round};

/// One replica of a domain.
pub type DomainProgram = fn(Ports) -> BoxFuture<'static, ()>;

/// The scenario: all three domains right, or one of them with a mistake.
#[derive(Clone, Debug)]
pub struct CardTable {
    name: SmolStr,
    about: &'static str,
    players: DomainProgram,
    tables: DomainProgram,
    hands: DomainProgram,
    is_right: bool,
}

impl CardTable {
    /// The three domains as they are shipped.
    pub fn new() -> Self {
        Self {
            name: SmolStr::new_static("card_table"),
            about: "players, tables and hands answer each other by events and commands; everything is right",
            players: |ports| Box::pin(players::serve(ports)),
            tables: |ports| Box::pin(tables::serve(ports)),
            hands: |ports| Box::pin(hands::serve(ports)),
            is_right: true,
        }
    }

    /// The same with a mistake, which [`players`](Self::players), [`tables`](Self::tables) or [`hands`](Self::hands) makes.
    pub fn with_mistake(slug: &str, about: &'static str) -> Self {
        Self { name: format_smolstr!("card_table/{slug}"), about, is_right: false, ..Self::new() }
    }

    /// Runs this for the players.
    #[must_use]
    pub fn players(self, players: DomainProgram) -> Self {
        Self { players, ..self }
    }

    /// Runs this for the tables.
    #[must_use]
    pub fn tables(self, tables: DomainProgram) -> Self {
        Self { tables, ..self }
    }

    /// Runs this for the hands.
    #[must_use]
    pub fn hands(self, hands: DomainProgram) -> Self {
        Self { hands, ..self }
    }
}

impl Default for CardTable {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Scenario for CardTable {
    type Workload = Evening;

    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        self.about
    }

    fn topology(&self) -> Topology {
        let topology = Topology::new().service(Players::NAME).replicas(2).run(self.players);
        let topology = topology.service(Tables::NAME).replicas(2).run(self.tables);
        let topology = topology.service(Hands::NAME).replicas(2).run(self.hands);
        let topology = GROUPS.iter().fold(topology, |topology, (group, topics)| topology.group(group, topics));
        // Wallets are streams.
        let topology = topology.events(Players::NAME);
        // Where the table has not spoken yet, the process manager that hears of a hand's end rightly waits.
        let topology = topology.message_may_do_nothing(HAND_LIFE, OVER).processes_end(HAND_LIFE);
        if self.is_right { topology.fails_for_good() } else { topology }
    }

    fn workload(&self, draw: &mut Draw) -> Evening {
        Evening::draw(draw)
    }

    fn invariants(&self, evening: &Evening) -> Vec<Box<dyn Invariant>> {
        invariants::business(evening)
    }

    async fn prepare(&self, evening: &Evening, store: &(dyn Fn(&str) -> Arc<dyn Store> + Send + Sync)) {
        open_wallets(&*store(Players::NAME), &evening.players).await.expect("an empty store takes the first wallets");
        open_tables(&*store(Tables::NAME), &evening.tables()).await.expect("an empty store takes the first tables");
    }

    async fn drive(&self, evening: &Evening, client: Client) {
        let mut now_ms = 0;
        for round in &evening.rounds {
            if round.at_ms > now_ms {
                client.sleep(Duration::from_millis(round.at_ms - now_ms)).await;
                now_ms = round.at_ms;
            }
            room::play(&client, round.clone());
        }
    }

    fn shares_threads(&self) -> bool {
        true
    }
}
