//! Those who sit in the room: they ask for what a round consists of, one thing after the other.

use std::time::Duration;

use bytes::Bytes;
use seaworthy_card_table::{
    hands::{ACT, ActInHand},
    messages::{Hands, Players, Tables},
    parts::encode,
    players::{CLOSE_WALLET, JOIN},
    tables::{GIVE_UP_SEAT, GiveUpSeat, SETTLE_TABLE, START_HAND, StartHand},
};
use seaworthy_core::choreography::Domain as _;
use seaworthy_sim::scenario::Client;
use smol_str::format_smolstr;

use super::Round;

/// Time until those who want to play sit down, where nothing fails.
const SIT_DOWN: Duration = Duration::from_millis(400);

/// Begins a round; it goes on by itself.
pub(super) fn play(client: &Client, round: Round) {
    let asker = client.clone();
    client.spawn(async move {
        for join in round.joins.clone() {
            let joining = asker.clone();
            // A refusal is an answer too; the invariants judge what became of the join.
            asker.spawn(async move { drop(joining.ask(Players::NAME, JOIN, encode(&join)).await) });
            if round.pause_ms > 0 {
                asker.sleep(Duration::from_millis(round.pause_ms)).await;
            }
        }
        asker.sleep(SIT_DOWN).await;
        let start = StartHand { table: round.table.clone(), number: 1, stake: round.stake };
        insist(&asker, Tables::NAME, START_HAND, encode(&start), 4, Duration::from_millis(200)).await;
        for (player, act) in &round.acts {
            let hand = format_smolstr!("{}-h1", round.table);
            let body = encode(&ActInHand { hand, player: player.clone(), act: *act });
            let acting = asker.clone();
            asker.spawn(async move { insist(&acting, Hands::NAME, ACT, body, 8, Duration::from_millis(100)).await });
        }
        asker.sleep(SIT_DOWN).await;
        if let Some(player) = &round.leaves {
            insist(&asker, Players::NAME, CLOSE_WALLET, encode(player), 3, Duration::from_millis(300)).await;
        }
        if let Some(join) = round.gives_up {
            let body = encode(&GiveUpSeat { table: round.table.clone(), join });
            insist(&asker, Tables::NAME, GIVE_UP_SEAT, body, 12, Duration::from_millis(700)).await;
        }
        // Until the hand is over, at the latest when those who do nothing are folded.
        insist(&asker, Tables::NAME, SETTLE_TABLE, encode(&round.table), 30, Duration::from_millis(700)).await;
    });
}

/// Asks again a few times where it is refused: what it needs may come yet.
async fn insist(client: &Client, service: &str, operation: &str, body: Bytes, times: u32, pause: Duration) {
    for time in 0..times {
        if time > 0 {
            client.sleep(pause).await;
        }
        if client.ask(service, operation, body.clone()).await.is_ok() {
            return;
        }
    }
}
