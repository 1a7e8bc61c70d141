use std::{collections::BTreeMap, ops::Range, time::Duration};

use seaworthy_card_table::{hands::Act, messages::Funds};
use seaworthy_sim::scenario::{Draw, Workload};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

/// Events of one table, from the joins to the settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Time at which the joins are sent, in milliseconds since the start of the run.
    pub at_ms: u64,
    /// Id of the table, which is this round's alone.
    pub table: SmolStr,
    /// Number of its seats.
    pub seats: usize,
    /// Joins, in the order in which they are sent.
    pub joins: Vec<Funds>,
    /// Pause between two joins, in milliseconds; without one they are all sent at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pause_ms: u64,
    /// Chips that each player puts at stake in the hand.
    pub stake: u64,
    /// Acts in the hand. Whoever is not named does nothing, and is folded.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acts: BTreeMap<SmolStr, Act>,
    /// Join whose seat is given up after the hand, before the table is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives_up: Option<SmolStr>,
    /// Player who leaves for good before the table is settled, and takes no payout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<SmolStr>,
}

/// A workload: the players with their chips, and the rounds in the sequence in which they begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evening {
    /// Chips of each player before the first round.
    pub players: BTreeMap<SmolStr, u64>,
    /// The rounds, earliest first.
    pub rounds: Vec<Round>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(pause_ms: &u64) -> bool {
    *pause_ms == 0
}

/// Players, who play at several tables at once.
const PLAYERS: u64 = 4;
/// Rounds, at most.
const ROUNDS_MAX: u64 = 3;
/// Span in which rounds that come together begin, in milliseconds: less than one of them takes.
const TOGETHER_MS: u64 = 600;
/// Pause before a round that comes alone, in milliseconds: whatever came before it has come to an end where nothing fails.
const ALONE_MS: u64 = 12_000;

impl Evening {
    /// Draws one to three rounds for four players, at tables of one to three seats: two to four joins at once, so that some find
    /// the table full and some players have not enough chips left. Two of three rounds begin together. In the hand one player in
    /// five folds and another does nothing; in one round of four somebody gives up a seat, and in one of four somebody leaves
    /// for good.
    pub fn draw(draw: &mut Draw) -> Self {
        let players: BTreeMap<SmolStr, u64> =
            (1..=PLAYERS).map(|player| (format_smolstr!("p-{player}"), draw.between(12, 40))).collect();
        let names: Vec<SmolStr> = players.keys().cloned().collect();
        let mut at_ms = 0;
        let rounds = (1..=draw.between(1, ROUNDS_MAX))
            .map(|number| {
                at_ms += if draw.chance(666) { draw.below(TOGETHER_MS) } else { ALONE_MS };
                let table = format_smolstr!("t-{number}");
                let joins: Vec<Funds> = (1..=draw.between(2, 4))
                    .map(|join| Funds {
                        player: draw.pick(&names).cloned().unwrap_or_default(),
                        join: format_smolstr!("j-{number}-{join}"),
                        table: table.clone(),
                        chips: draw.between(4, 12),
                    })
                    .collect();
                let mut acts = BTreeMap::new();
                for player in &names {
                    if !draw.chance(200) {
                        acts.insert(player.clone(), if draw.chance(250) { Act::Fold } else { Act::Hold });
                    }
                }
                let gives_up = draw.chance(250).then(|| draw.pick(&joins).map(|join| join.join.clone())).flatten();
                let leaves = draw.chance(250).then(|| draw.pick(&joins).map(|join| join.player.clone())).flatten();
                let seats = draw.between(1, 3) as usize;
                let stake = draw.between(1, 4);
                Round { at_ms, table, seats, joins, pause_ms: 0, stake, acts, gives_up, leaves }
            })
            .collect();
        Self { players, rounds }
    }

    /// Returns the number of chips in all.
    pub fn chips(&self) -> i64 {
        self.players.values().map(|chips| i64::try_from(*chips).unwrap_or(i64::MAX)).sum()
    }

    /// Returns the number of seats of each table.
    pub fn tables(&self) -> BTreeMap<SmolStr, usize> {
        self.rounds.iter().map(|round| (round.table.clone(), round.seats)).collect()
    }
}

impl Workload for Evening {
    fn noun() -> &'static str {
        "rounds"
    }

    fn len(&self) -> usize {
        self.rounds.len()
    }

    fn span(&self) -> Duration {
        Duration::from_millis(self.rounds.last().map_or(0, |last| last.at_ms.saturating_add(TOGETHER_MS)))
    }

    fn without(&self, range: Range<usize>) -> Self {
        let mut fewer = self.clone();
        fewer.rounds.drain(range);
        fewer
    }

    /// Nobody leaves or gives up a seat, all begin at once, everybody acts, fewer join; a variant is listed only where it
    /// changes something, so shrinking ends.
    fn simpler(&self) -> Vec<Self> {
        let everybody_holds = |round: &mut Round| {
            round.acts = round.joins.iter().map(|join| (join.player.clone(), Act::Hold)).collect();
        };
        let simplifications: [&dyn Fn(&mut Round); 6] = [
            &|round| round.leaves = None,
            &|round| round.gives_up = None,
            &|round| round.at_ms = 0,
            &everybody_holds,
            &|round| round.joins.truncate(2),
            &|round| round.stake = 1,
        ];
        let mut variants = Vec::new();
        for simplify in simplifications {
            let mut simple = self.clone();
            simple.rounds.iter_mut().for_each(simplify);
            if simple != *self {
                variants.push(simple);
            }
        }
        variants
    }
}
