//! The simulated outbox, with its indexes, does what a list of rows that is searched from end to end does.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use seaworthy_core::{
    conformance::block_on,
    ids::{ClaimToken, MessageId},
    message::{Headers, Message},
    ports::{
        ClaimRequest, DeadRowRequest, OutboxOrder, OutboxStore, PurgeRequest, RowId, SettleOutcome, Settlement, Store,
        TailRequest, Timestamp, WhenDead,
    },
};
use seaworthy_memory::{ManualClock, store::MemoryStore};
use uuid::Uuid;

/// One row as the port describes it, and nothing else.
#[derive(Clone, Debug)]
struct Row {
    row: RowId,
    message: u64,
    key: u8,
    attempts: u32,
    token: Option<ClaimToken>,
    state: State,
    since: Timestamp,
    /// Not claimable before this: a delay or a lease.
    until: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    Dispatched,
    Dead,
}

impl Row {
    fn is_out(&self, now: Timestamp) -> bool {
        self.state == State::Live && self.token.is_some() && self.until > now
    }
}

/// Rows in commit order.
#[derive(Default)]
struct Oracle(Vec<Row>);

impl Oracle {
    /// Messages of the rows that may be claimed, in commit order.
    fn due(&self, request: &ClaimRequest, now: Timestamp) -> Vec<u64> {
        let blocked = |index: usize, row: &Row| {
            let of_key = |other: &&Row| other.key == row.key && other.state != State::Dispatched;
            let is_out = |other: &Row| other.is_out(now);
            let stops = |earlier: &Row| earlier.state == State::Live || request.when_dead == WhenDead::BlockKey;
            self.0.iter().filter(of_key).any(is_out) || self.0[..index].iter().filter(of_key).any(stops)
        };
        let due = self.0.iter().enumerate().filter(|(index, row)| {
            let in_time = row.state == State::Live && row.until <= now;
            in_time && (request.ordering == OutboxOrder::Unordered || !blocked(*index, row))
        });
        due.map(|(_, row)| row.message).collect()
    }

    /// Takes over the store's choice of what is due and returns how often the row was claimed by now.
    fn lease(&mut self, message: u64, id: RowId, request: &ClaimRequest, now: Timestamp) -> u32 {
        let row = self.0.iter_mut().find(|row| row.message == message).expect("what is due was staged");
        row.row = id;
        (row.attempts, row.token, row.until) = (row.attempts + 1, Some(request.token), now + request.lease);
        row.attempts
    }

    fn settle(&mut self, token: ClaimToken, id: RowId, outcome: &SettleOutcome, now: Timestamp) -> bool {
        let held = |row: &&mut Row| row.row == id && row.token == Some(token) && row.state == State::Live;
        let Some(row) = self.0.iter_mut().find(held) else { return false };
        (row.token, row.since) = (None, now);
        match outcome {
            SettleOutcome::Dispatched => row.state = State::Dispatched,
            SettleOutcome::Retry { delay, .. } => row.until = now + *delay,
            SettleOutcome::Release { delay } => (row.attempts, row.until) = (row.attempts - 1, now + *delay),
            SettleOutcome::Dead { .. } => row.state = State::Dead,
        }
        true
    }

    /// What a reader of the log makes of a row: only one that is nobody's is its to settle.
    fn mark(&mut self, message: u64, dead: bool, now: Timestamp) -> bool {
        let free = |row: &&mut Row| row.message == message && row.state == State::Live && !row.is_out(now);
        let Some(row) = self.0.iter_mut().find(free) else { return false };
        (row.token, row.since) = (None, now);
        row.state = if dead { State::Dead } else { State::Dispatched };
        true
    }

    /// What a reader of the log sees: of each key the rows up to the first that is in the way of the rest.
    fn tail(&self, when_dead: WhenDead, now: Timestamp) -> Vec<u64> {
        let is_shown = |index: usize, row: &Row| {
            let of_key = |other: &&Row| other.key == row.key;
            let waits = |earlier: &Row| match earlier.state {
                State::Live => earlier.until > now,
                State::Dead => when_dead == WhenDead::BlockKey,
                State::Dispatched => false,
            };
            row.state == State::Live
                && !self.0.iter().filter(of_key).any(|other| other.is_out(now))
                && !self.0[..=index].iter().filter(of_key).any(waits)
        };
        let shown = self.0.iter().enumerate().filter(|(index, row)| is_shown(*index, row));
        shown.map(|(_, row)| row.message).collect()
    }

    /// The position in front of the first row that waits, where rows are numbered from 1 in commit order.
    fn settled_to(&self, when_dead: WhenDead, staged: u64) -> u64 {
        let waits = |row: &&Row| match row.state {
            State::Live => true,
            State::Dead => when_dead == WhenDead::BlockKey,
            State::Dispatched => false,
        };
        self.0.iter().find(waits).map_or(staged, |row| row.message)
    }

    /// Positions of rows in a final state, longest there first; the store's clock breaks ties by commit order.
    fn finished(&self, state: State) -> Vec<usize> {
        let mut found: Vec<usize> = (0..self.0.len()).filter(|index| self.0[*index].state == state).collect();
        found.sort_by_key(|index| self.0[*index].since);
        found
    }

    fn redrive(&mut self, only: Option<&[u64]>, limit: usize, now: Timestamp) -> Vec<u64> {
        let named = |row: &Row| only.is_none_or(|only| only.contains(&row.message));
        let mut dead = self.finished(State::Dead);
        dead.retain(|index| named(&self.0[*index]));
        dead.truncate(limit);
        let revive = |index: usize| {
            let row = &mut self.0[index];
            (row.state, row.attempts, row.until) = (State::Live, 0, now);
            row.message
        };
        dead.into_iter().map(revive).collect()
    }

    fn purge(&mut self, state: State, older_than: Duration, limit: usize, now: Timestamp) -> Vec<u64> {
        let mut old = self.finished(state);
        old.retain(|index| self.0[*index].since <= now.before(older_than));
        old.truncate(limit);
        let gone: Vec<u64> = old.iter().map(|index| self.0[*index].message).collect();
        self.0.retain(|row| !gone.contains(&row.message));
        gone
    }
}

#[derive(Clone, Debug)]
enum Op {
    Stage { keys: Vec<u8> },
    Claim { limit: usize, lease: u64, ordering: OutboxOrder, when_dead: WhenDead },
    Settle { claim: prop::sample::Index, row: prop::sample::Index, outcome: SettleOutcome },
    Mark { message: prop::sample::Index, dead: bool },
    Redrive { only: Option<Vec<u64>>, limit: usize },
    PurgeDispatched { older_than: u64, limit: usize },
    PurgeDead { older_than: u64, limit: usize },
    Advance { by: u64 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let delay = || (0_u64..4).prop_map(Duration::from_secs);
    let outcome = prop_oneof![
        4 => Just(SettleOutcome::Dispatched),
        2 => delay().prop_map(|delay| SettleOutcome::Retry { delay, error: "no".into() }),
        1 => delay().prop_map(|delay| SettleOutcome::Release { delay }),
        2 => Just(SettleOutcome::Dead { reason: "no".into() }),
    ];
    let ordering = prop_oneof![4 => Just(OutboxOrder::PerKey), 1 => Just(OutboxOrder::Unordered)];
    let when_dead = prop_oneof![Just(WhenDead::BlockKey), Just(WhenDead::SkipDead)];
    let op = prop_oneof![
        3 => prop::collection::vec(0_u8..4, 1..4).prop_map(|keys| Op::Stage { keys }),
        4 => (1_usize..5, 0_u64..4, ordering, when_dead)
            .prop_map(|(limit, lease, ordering, when_dead)| Op::Claim { limit, lease, ordering, when_dead }),
        6 => (any::<prop::sample::Index>(), any::<prop::sample::Index>(), outcome)
            .prop_map(|(claim, row, outcome)| Op::Settle { claim, row, outcome }),
        2 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(message, dead)| Op::Mark { message, dead }),
        1 => (prop::option::of(prop::collection::vec(0_u64..12, 0..4)), 1_usize..4)
            .prop_map(|(only, limit)| Op::Redrive { only, limit }),
        1 => (0_u64..4, 1_usize..4).prop_map(|(older_than, limit)| Op::PurgeDispatched { older_than, limit }),
        1 => (0_u64..4, 1_usize..4).prop_map(|(older_than, limit)| Op::PurgeDead { older_than, limit }),
        2 => (0_u64..3).prop_map(|by| Op::Advance { by }),
    ];
    prop::collection::vec(op, 1..60)
}

fn message(number: u64, key: u8) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(u128::from(number))),
        source: "orders".into(),
        kind: "order.confirmed".into(),
        topic: "orders".into(),
        subject: "order".into(),
        time: Timestamp::EPOCH,
        content_type: "application/json".into(),
        partition_key: smol_str::format_smolstr!("{key}"),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        headers: Headers::new(),
        data: bytes::Bytes::new(),
    }
}

fn numbers(ids: Vec<MessageId>) -> Vec<u64> {
    ids.into_iter().map(number).collect()
}

fn number(id: MessageId) -> u64 {
    u64::try_from(id.0.as_u128()).expect("numbers of this test are small")
}

fn agree(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let clock = ManualClock::new();
    let store = MemoryStore::new(clock.clone() as Arc<dyn seaworthy_core::ports::Clock>);
    let mut oracle = Oracle::default();
    let (mut staged, mut claims, mut now) = (0_u64, 0_u128, Timestamp::EPOCH);
    // Rows become known when they are claimed; until then the oracle has numbers of its own.
    let mut unknown = 1_u64 << 40;
    block_on(async {
        for op in ops {
            match op {
                Op::Stage { keys } => {
                    let mut tx = store.begin().await.expect("begins");
                    for key in keys {
                        tx.stage(&message(staged, key)).await.expect("a new id");
                        unknown += 1;
                        oracle.0.push(Row {
                            row: RowId(unknown),
                            message: staged,
                            key,
                            attempts: 0,
                            token: None,
                            state: State::Live,
                            since: now,
                            until: now,
                        });
                        staged += 1;
                    }
                    tx.commit().await.expect("commits");
                }
                Op::Claim { limit, lease, ordering, when_dead } => {
                    claims += 1;
                    let token = ClaimToken(Uuid::from_u128(claims));
                    let request = ClaimRequest {
                        token,
                        limit,
                        lease: Duration::from_secs(lease),
                        ordering,
                        when_dead,
                        except_topics: Vec::new(),
                    };
                    let rows = store.claim(&request).await.expect("claims");
                    // Which of them it takes is the store's choice; how many, and in which order, is not.
                    let due = oracle.due(&request, now);
                    prop_assert_eq!(rows.len(), due.len().min(limit), "due: {:?}", due);
                    let mut rest = due.iter();
                    for row in &rows {
                        let message = number(row.message.id);
                        prop_assert!(
                            rest.any(|due| *due == message),
                            "{} is not due or not in order: {:?}",
                            message,
                            due
                        );
                        prop_assert_eq!(row.attempts, oracle.lease(message, row.row, &request, now));
                    }
                }
                Op::Settle { claim, row, outcome } => {
                    if claims == 0 || oracle.0.is_empty() {
                        continue;
                    }
                    let token = ClaimToken(Uuid::from_u128(1 + claim.index(claims as usize) as u128));
                    // Mostly the row's own token, so that most settlements take effect.
                    let target = row.get(&oracle.0).clone();
                    let token = if claim.index(4) > 0 { target.token.unwrap_or(token) } else { token };
                    let settlement = Settlement { row: target.row, outcome };
                    let seen = store.settle(token, std::slice::from_ref(&settlement)).await.expect("settles");
                    prop_assert_eq!(seen, vec![oracle.settle(token, target.row, &settlement.outcome, now)]);
                }
                Op::Mark { message: which, dead } => {
                    let which = which.index(staged as usize + 1) as u64;
                    let id = message(which, 0).id;
                    let mut tx = store.begin().await.expect("begins");
                    let marked = match dead {
                        true => tx.outbox_bury(id, "no").await.expect("buries"),
                        false => tx.outbox_dispatched(&[id]).await.expect("marks")[0],
                    };
                    tx.commit().await.expect("commits");
                    prop_assert_eq!(marked, oracle.mark(which, dead, now));
                }
                Op::Redrive { only, limit } => {
                    let mut request = DeadRowRequest::new(limit);
                    request.only = only.as_ref().map(|only| only.iter().map(|n| message(*n, 0).id).collect());
                    let seen = store.redrive(&request).await;
                    prop_assert_eq!(numbers(seen.expect("redrives")), oracle.redrive(only.as_deref(), limit, now));
                }
                Op::PurgeDispatched { older_than, limit } => {
                    let older_than = Duration::from_secs(older_than);
                    let seen = store.purge_dispatched(&PurgeRequest { older_than, limit }).await;
                    let expected = oracle.purge(State::Dispatched, older_than, limit, now);
                    prop_assert_eq!(numbers(seen.expect("purges")), expected);
                }
                Op::PurgeDead { older_than, limit } => {
                    let older_than = Duration::from_secs(older_than);
                    let old = DeadRowRequest::new(limit).died_until(now.before(older_than));
                    let seen = store.purge_dead(&old).await;
                    prop_assert_eq!(numbers(seen.expect("purges")), oracle.purge(State::Dead, older_than, limit, now));
                }
                Op::Advance { by } => {
                    clock.advance(Duration::from_secs(by));
                    now = now + Duration::from_secs(by);
                }
            }
            let backlog = store.backlog().await.expect("counts");
            let count = |state| oracle.0.iter().filter(|row| row.state == state).count() as u64;
            prop_assert_eq!((backlog.outbox_unsettled, backlog.outbox_dead), (count(State::Live), count(State::Dead)));
            let dead = store.dead_rows(&DeadRowRequest::new(usize::MAX)).await.expect("lists");
            let dead: Vec<u64> = dead.iter().map(|dead| number(dead.row.message.id)).collect();
            let expected: Vec<u64> = oracle.finished(State::Dead).iter().map(|i| oracle.0[*i].message).collect();
            prop_assert_eq!(dead, expected);
            for when_dead in [WhenDead::BlockKey, WhenDead::SkipDead] {
                let request = TailRequest {
                    limit: usize::MAX,
                    ordering: OutboxOrder::PerKey,
                    when_dead,
                    except_topics: Vec::new(),
                    except_keys: Vec::new(),
                };
                let log = store.tail(&request).await.expect("reads");
                let log: Vec<_> = log.iter().map(|row| number(row.message.id)).collect();
                prop_assert_eq!(log, oracle.tail(when_dead, now));
                let settled_to = store.begin().await.expect("begins").outbox_settled_to(when_dead).await;
                prop_assert_eq!(settled_to.expect("reads"), oracle.settled_to(when_dead, staged));
            }
            let next = store.next_available().await.expect("answers");
            let live = oracle.0.iter().filter(|row| row.state == State::Live && row.until > now);
            prop_assert_eq!(next, live.map(|row| row.until).min());
        }
        Ok(())
    })
}

proptest! {
    // 2,000 histories of up to 60 operations on four keys meet every pair of outcomes many times over.
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_outbox_with_indexes_does_what_a_searched_list_does(history in ops()) {
        agree(history)?;
    }
}
