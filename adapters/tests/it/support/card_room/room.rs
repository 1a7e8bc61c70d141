//! The room at work: its processes, who listens to what, and what a test asks of it.

use std::{collections::BTreeMap, sync::Arc};

use seaworthy_core::{
    aggregate::{Cause, Tracked},
    choreography::{Domain, FollowUp},
    inbox::{Consumer, ConsumerConfig},
    message::Message,
    outbox::Relay,
    ports::{Ports, SubscriptionSpec},
};

use super::{
    Hands, Player, Players, Table, Tables, hand_commands, player_commands, player_rejections, player_to_table, players,
    table_commands, table_rejections, table_to_hand, table_to_player, tables,
};
use crate::support::World;

/// Runs the whole room in a process, with what players do about rejected joins.
pub(crate) fn open_with(ports: &Ports, follow_up: FollowUp) {
    ports.spawn("relay", Relay::new(ports).run());
    for router in [player_to_table(), table_to_player(), table_to_hand()] {
        ports.spawn("router", router.consumer(ports).run());
    }
    for (name, handlers, topic) in [
        ("tables", table_commands(ports), Tables::commands_topic()),
        ("players", player_commands(ports), Players::commands_topic()),
        ("hands", hand_commands(ports), Hands::commands_topic()),
        ("player-rejections", player_rejections(ports, follow_up), Players::rejections_topic()),
        ("table-rejections", table_rejections(ports), Tables::rejections_topic()),
    ] {
        ports.spawn(name, Consumer::new(ports, name, handlers, ConsumerConfig::new([topic])).run());
    }
}

pub(crate) fn open(ports: &Ports) {
    open_with(ports, FollowUp::none());
}

impl World {
    /// Declares who listens to what, so that a process may come later than the messages for it.
    pub(crate) fn declare_room(&self) {
        let routers = [player_to_table(), table_to_player(), table_to_hand()];
        let routers = routers.map(|router| (router.name().clone(), router.topics().to_vec()));
        let others = [
            ("tables", Tables::commands_topic()),
            ("players", Players::commands_topic()),
            ("hands", Hands::commands_topic()),
            ("player-rejections", Players::rejections_topic()),
            ("table-rejections", Tables::rejections_topic()),
        ];
        let others = others.map(|(name, topic)| (name.into(), vec![topic]));
        for (group, topics) in routers.into_iter().chain(others) {
            self.broker.behind().declare(&SubscriptionSpec { group, topics });
        }
    }

    /// Opens wallets and tables.
    pub(crate) async fn furnish(
        &self,
        some: impl IntoIterator<Item = Player>,
        others: impl IntoIterator<Item = Table>,
    ) {
        let (players, tables) = (players(&self.ports), tables(&self.ports));
        let mut tx = self.ports.store.begin().await.expect("a store that is up");
        for player in some {
            players.save(&mut *tx, Tracked::new(player), Cause::New).await.expect("a new wallet");
        }
        for table in others {
            tables.save(&mut *tx, Tracked::new(table), Cause::New).await.expect("a new table");
        }
        tx.commit().await.expect("a store that is up");
    }

    pub(crate) async fn change_player(&self, id: &str, change: impl Fn(&mut Player)) {
        let repository = players(&self.ports);
        let changed = repository.update(&*self.ports.store, id, Cause::New, |player| {
            change(player);
            Ok::<_, ()>(())
        });
        changed.await.expect("a player who is there");
    }

    pub(crate) async fn change_table(&self, id: &str, change: impl Fn(&mut Table)) {
        let repository = tables(&self.ports);
        let changed = repository.update(&*self.ports.store, id, Cause::New, |table| {
            change(table);
            Ok::<_, ()>(())
        });
        changed.await.expect("a table that is there");
    }

    /// A document of the room with its version.
    pub(crate) async fn seen<T: serde::de::DeserializeOwned>(&self, collection: &str, id: &str) -> Option<(T, u64)> {
        let mut tx = self.ports.store.begin().await.expect("a store that is up");
        let document = tx.get(collection, id).await.expect("a store that is up")?;
        Some((serde_json::from_slice(&document.body).expect("its own form"), document.version))
    }

    pub(crate) async fn player(&self, id: &str) -> Player {
        self.seen::<Player>("player", id).await.expect("a player who is there").0
    }

    pub(crate) async fn table(&self, id: &str) -> Table {
        self.seen::<Table>("table", id).await.expect("a table that is there").0
    }

    /// All chips of a player and at a table, wherever they are.
    pub(crate) async fn chips(&self, some: &[&str], others: &[&str]) -> u64 {
        let mut sum = 0;
        for id in some {
            let player = self.player(id).await;
            sum += player.chips + player.joins.values().sum::<u64>();
        }
        for id in others {
            let table = self.table(id).await;
            sum += table.seated.values().sum::<u64>() + table.owed;
        }
        sum
    }

    /// Messages of a type that the broker has taken, each once.
    pub(crate) fn sent(&self, kind: &str) -> Vec<Message> {
        let mut all: BTreeMap<_, Message> = BTreeMap::new();
        for (_, message) in self.broker.accepted() {
            if message.kind == kind {
                all.insert(message.id, message);
            }
        }
        all.into_values().collect()
    }

    /// That nothing moves any more: no row to publish, nothing to deliver.
    pub(crate) async fn assert_at_rest(&self) {
        let backlog = self.ports.store.backlog().await.expect("a store that is up");
        assert_eq!((backlog.outbox_unsettled, self.broker.behind().pending()), (0, 0), "{backlog:?}");
    }
}

pub(crate) fn player(id: &str, chips: u64) -> Player {
    Player { id: id.into(), chips, ..Player::default() }
}

pub(crate) fn table(id: &str, seats: usize) -> Table {
    Table { id: id.into(), seats, ..Table::default() }
}

/// Ports with another store.
pub(crate) fn on_store(ports: &Ports, store: Arc<dyn seaworthy_core::ports::Store>) -> Ports {
    Ports { store, ..ports.clone() }
}
