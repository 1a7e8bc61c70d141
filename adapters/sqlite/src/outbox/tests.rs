//! Query plans with 100,000 dispatched rows, and the heads of keys under random histories.

use std::time::Duration;

use proptest::prelude::*;
use rusqlite::{Connection, params_from_iter, types::Value};
use seaworthy_core::{
    ids::{ClaimToken, MessageId},
    message::{Headers, Message},
    ports::{ClaimRequest, DeadRowRequest, OutboxOrder, SettleOutcome, Settlement, TailRequest, Timestamp, WhenDead},
};
use uuid::Uuid;

use super::{claim, dead, due, lane, republish, retention, settle, stage, tail};
use crate::{config::SqliteConfig, pragmas, saga, schema};

fn database() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    pragmas::set(&connection, &SqliteConfig::simulation()).unwrap();
    schema::migrate(&mut connection, ":memory:").unwrap();
    connection
}

fn plan(connection: &Connection, sql: &str, parameters: &[Value]) -> Vec<String> {
    let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let lines = query.query_map(params_from_iter(parameters), |row| row.get::<_, String>(3)).unwrap();
    lines.map(Result::unwrap).collect()
}

/// Statements that a relay, the retention and the recovery run again and again: none may read a whole table, however
/// many rows are dispatched.
#[test]
fn no_statement_that_runs_again_and_again_scans_a_table_of_100_000_dispatched_rows() {
    let connection = database();
    connection
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
             INSERT INTO seaworthy_outbox (id, aggregatetype, aggregateid, type, payload, source, time, content_type,
                                           partition_key, correlation_id, state, head, settled_at)
             SELECT 'id-' || i, 't', 's', 'k', x'00', 'o', 0, 'c', 'key-' || (i % 1000), 'x', 2, 1, i FROM n;
             ANALYZE",
        )
        .unwrap();
    let topic = Value::Blob(b"t".to_vec());
    let five = [Value::Integer(1), Value::Integer(10), Value::Integer(1), topic.clone(), Value::Integer(1)];
    let two = [Value::Integer(1), Value::Integer(10)];
    let row = [Value::Integer(1)];
    let of_topic = [Value::Integer(1), topic, Value::Integer(1)];
    let key = [Value::Text("key-1".into()), Value::Integer(1)];
    let behind = [Value::Integer(1), Value::Integer(0), Value::Integer(10)];
    let dead = [vec![Value::Null; 5], vec![Value::Integer(1); 3]].concat();
    let behind4 = [Value::Integer(1), Value::Integer(2), Value::Null, Value::Integer(10)];
    let sagas = [Value::Text("checkout".into()), Value::Integer(1), Value::Integer(10)];
    let per_key = due::PER_KEY.map(|range| (range, &five[..]));
    let unordered = due::UNORDERED.map(|range| (range, &five[..4]));
    let others = [
        (due::FIRST_TOPIC, &row[..]),
        (due::NEXT_TOPIC, &of_topic[..2]),
        (due::NEXT_MOMENT, &of_topic),
        (due::FIRST_FRESH, &of_topic[..2]),
        (tail::FOLLOWERS, &behind),
        (tail::NEXT_DEAD, &row),
        (tail::FIRST_DEAD, &[]),
        (lane::FIRST_OPEN, &row),
        (lane::LEAD, &row),
        (lane::GAP, &key),
        (retention::PURGE_DISPATCHED, &two),
        (republish::DISPATCHED, &behind4),
        (crate::participants::PURGE, &two),
        (saga::FORGOTTEN, &two),
        (dead::BETWEEN, &dead),
        (dead::NAMED, &dead),
        (saga::DUE, &sagas),
    ];
    for (sql, parameters) in per_key.into_iter().chain(unordered).chain(others) {
        let plan = plan(&connection, sql, parameters);
        // A scan reads a whole table; a temporary tree sorts or materialises.
        // A subquery is no table.
        let is_cheap = |line: &str| line == "SCAN CONSTANT ROW" || line.starts_with("SCAN (subquery-");
        let costly = |line: &&String| (line.starts_with("SCAN") && !is_cheap(line)) || line.contains("TEMP");
        assert_eq!(plan.iter().find(costly), None, "{sql}\n{plan:#?}");
    }
}

/// SQLite may plan a statement on a partial index again each time it is bound; that would cost sixty times as much as
/// running it.
#[test]
fn a_statement_is_planned_once_however_often_it_is_run() {
    let connection = database();
    for range in due::PER_KEY {
        let mut query = connection.prepare(range).unwrap();
        for now in 0..5 {
            query.query_map((now, 10, true, b"t", now), |_| Ok(())).unwrap().count();
        }
        assert_eq!(query.get_status(rusqlite::StatementStatus::RePrepare), 0, "{range}");
    }
}

/// The same as a measure: virtual machine steps do not grow with what is dispatched, nor with the queue behind a key
/// whose first row is out.
#[test]
fn a_claim_costs_the_same_with_a_full_table_and_a_long_queue_behind_one_key() {
    let steps = |dispatched: u32, queued: u32| {
        let connection = database();
        for number in 0..dispatched + queued {
            stage(&connection, &message(number, if number < dispatched { "done" } else { "hot" })).unwrap();
        }
        connection
            .execute("UPDATE seaworthy_outbox SET state = 2, settled_at = 1 WHERE partition_key = 'done'", [])
            .unwrap();
        let request = request(1, 10);
        assert_eq!(claim::claim(&connection, &request, Timestamp::EPOCH).unwrap().len(), 1);
        let steps = due::PER_KEY.map(|range| {
            let mut query = connection.prepare(range).unwrap();
            let found = query.query_map((1, 10, 1, b"orders", 1), |_| Ok(())).unwrap().count();
            assert_eq!(found, 0, "the key's first row is out");
            query.get_status(rusqlite::StatementStatus::VmStep)
        });
        steps.into_iter().sum::<i32>()
    };
    let few = steps(10, 10);
    let many = steps(2_000, 2_000);
    assert!(many <= few + 50, "{few} steps with 10 rows of each, {many} with 2,000");
}

fn message(number: u32, key: &str) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(u128::from(number) + 1)),
        source: "orders".into(),
        kind: "order.confirmed".into(),
        topic: "orders".into(),
        subject: "order".into(),
        time: Timestamp::EPOCH,
        content_type: "application/json".into(),
        partition_key: key.into(),
        sequence: 0,
        epoch: 0,
        gap: 0,
        schedule: seaworthy_core::message::Schedule::NONE,
        correlation_id: Uuid::nil(),
        causation_id: None,
        traceparent: None,
        headers: Headers::new(),
        data: "{}".into(),
    }
}

fn request(token: u128, limit: usize) -> ClaimRequest {
    ClaimRequest {
        token: ClaimToken(Uuid::from_u128(token)),
        limit,
        lease: Duration::from_secs(5),
        ordering: OutboxOrder::PerKey,
        when_dead: WhenDead::BlockKey,
        except_topics: Vec::new(),
    }
}

fn tailing(limit: usize, when_dead: WhenDead) -> TailRequest {
    let (ordering, except_topics, except_keys) = (OutboxOrder::PerKey, Vec::new(), Vec::new());
    TailRequest { limit, ordering, when_dead, except_topics, except_keys }
}

/// One step of a history of one outbox.
#[derive(Clone, Debug)]
enum Step {
    Stage { key: u8 },
    Claim { limit: usize, ordering: OutboxOrder, when_dead: WhenDead },
    Settle { claim: usize, outcome: u8 },
    Redrive { limit: usize },
    Purge { limit: usize },
    Mark { number: u32, dead: bool },
    Pass { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let ordering = prop_oneof![3 => Just(OutboxOrder::PerKey), 1 => Just(OutboxOrder::Unordered)];
    let when_dead = prop_oneof![Just(WhenDead::BlockKey), Just(WhenDead::SkipDead)];
    prop_oneof![
        4 => (0_u8..3).prop_map(|key| Step::Stage { key }),
        4 => (1_usize..4, ordering, when_dead)
            .prop_map(|(limit, ordering, when_dead)| Step::Claim { limit, ordering, when_dead }),
        4 => (0_usize..8, 0_u8..4).prop_map(|(claim, outcome)| Step::Settle { claim, outcome }),
        1 => (1_usize..3).prop_map(|limit| Step::Redrive { limit }),
        1 => (1_usize..3).prop_map(|limit| Step::Purge { limit }),
        2 => (0_u32..30, any::<bool>()).prop_map(|(number, dead)| Step::Mark { number, dead }),
        1 => (1_u64..7).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// A row as the model below sees it: sequence, key, state, moment.
type RowState = (i64, String, i64, i64);

fn rows(connection: &Connection) -> Vec<RowState> {
    let mut query = connection
        .prepare("SELECT sequence, partition_key, state, available_at FROM seaworthy_outbox ORDER BY sequence")
        .unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Returns the rows that a claim has to return, found by brute force.
fn expected(rows: &[RowState], request: &ClaimRequest, now: i64) -> Vec<i64> {
    let due = |row: &&RowState| row.2 < 2 && row.3 <= now;
    let free = |row: &&RowState| {
        request.ordering == OutboxOrder::Unordered
            || rows.iter().filter(|other| other.1 == row.1 && other.0 != row.0).all(|other| match other.2 {
                0 => other.0 > row.0,
                1 => other.0 > row.0 && other.3 <= now,
                3 => other.0 > row.0 || request.when_dead == WhenDead::SkipDead,
                _ => true,
            })
    };
    rows.iter().filter(due).filter(free).map(|row| row.0).take(request.limit).collect()
}

/// Returns the rows that the log has to show, found by brute force.
fn logged(rows: &[RowState], request: &TailRequest, now: i64) -> Vec<i64> {
    let is_shown = |index: usize, row: &RowState| {
        let of_key = |other: &&RowState| other.1 == row.1;
        let waits = |earlier: &RowState| match earlier.2 {
            0 | 1 => earlier.3 > now,
            3 => request.when_dead == WhenDead::BlockKey,
            _ => false,
        };
        row.2 < 2
            && !rows.iter().filter(of_key).any(|other| other.2 == 1 && other.3 > now)
            && !rows[..=index].iter().filter(of_key).any(waits)
    };
    rows.iter().enumerate().filter(|(index, row)| is_shown(*index, row)).map(|(_, row)| row.0).collect()
}

proptest! {
    // 400 histories of up to 60 steps: enough that leaving out any of the updates of a key's head is found, in 2 s.
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_claim_returns_exactly_what_the_whole_table_says(history in prop::collection::vec(step(), 1..60)) {
        let connection = database();
        let mut now = Timestamp::from_millis(1_000_000);
        let mut claims: Vec<(ClaimToken, Vec<seaworthy_core::ports::OutboxRow>)> = Vec::new();
        for (number, step) in (0_u32..).zip(history) {
            match step {
                Step::Stage { key } => stage(&connection, &message(number, &key.to_string())).unwrap(),
                Step::Claim { limit, ordering, when_dead } => {
                    let request = ClaimRequest { ordering, when_dead, ..request(u128::from(number), limit) };
                    let before = rows(&connection);
                    let claimed = claim::claim(&connection, &request, now).unwrap();
                    let found: Vec<i64> = claimed.iter().map(|row| row.row.0.cast_signed()).collect();
                    let expected = expected(&before, &request, now.as_micros());
                    // Of more rows that wait than the limit takes, those that wait longest go first; they are compared
                    // where all fit.
                    if expected.len() < limit {
                        prop_assert_eq!(&found, &expected);
                    } else {
                        prop_assert_eq!(found.len(), expected.len());
                    }
                    prop_assert!(found.is_sorted());
                    claims.push((request.token, claimed));
                }
                Step::Settle { claim, outcome } => {
                    let Some((token, rows)) = claims.get(claim) else { continue };
                    let outcome = match outcome {
                        0 => SettleOutcome::Dispatched,
                        1 => SettleOutcome::Dead { reason: "unroutable".into() },
                        2 => SettleOutcome::Retry { delay: Duration::from_secs(3), error: "later".into() },
                        _ => SettleOutcome::Release { delay: Duration::ZERO },
                    };
                    let settlements: Vec<Settlement> =
                        rows.iter().map(|row| Settlement { row: row.row, outcome: outcome.clone() }).collect();
                    settle::settle(&connection, *token, &settlements, now).unwrap();
                }
                Step::Redrive { limit } => {
                    dead::redrive(&connection, &DeadRowRequest::new(limit)).unwrap();
                }
                Step::Purge { limit } => {
                    dead::purge_dead(&connection, &DeadRowRequest::new(limit)).unwrap();
                }
                Step::Mark { number, dead } => {
                    tail::mark(&connection, message(number, "").id, dead.then_some("unroutable"), now).unwrap();
                }
                Step::Pass { seconds } => now = now + Duration::from_secs(seconds),
            }
            for (when_dead, limit) in [(WhenDead::BlockKey, 100), (WhenDead::SkipDead, 100), (WhenDead::BlockKey, 3)] {
                let request = tailing(limit, when_dead);
                let (log, unread) = tail::tail(&connection, &request, now).unwrap();
                prop_assert_eq!(unread, []);
                let found: Vec<_> = log.iter().map(|row| row.row.0.cast_signed()).collect();
                let all = logged(&rows(&connection), &request, now.as_micros());
                if all.len() <= limit {
                    prop_assert_eq!(&found, &all);
                } else {
                    prop_assert_eq!(found.len(), limit);
                    prop_assert!(found.is_sorted() && found.iter().all(|row| all.contains(row)));
                }
                for row in log {
                    let passed = |(at, key, state, _): &&RowState| *at < row.row.0.cast_signed() && *state == 3 && *key == row.message.partition_key;
                    let gap = rows(&connection).iter().filter(passed).count();
                    prop_assert_eq!(row.message.gap as usize, if when_dead == WhenDead::SkipDead { gap } else { 0 });
                }
            }
            let heads: i64 = connection
                .query_row(
                    "SELECT count(*) FROM seaworthy_outbox AS o WHERE state < 2 AND head <> CASE
                         WHEN EXISTS (SELECT 1 FROM seaworthy_outbox AS e
                             WHERE e.partition_key = o.partition_key AND e.state < 2 AND e.sequence < o.sequence) THEN 0
                         WHEN EXISTS (SELECT 1 FROM seaworthy_outbox AS d
                             WHERE d.partition_key = o.partition_key AND d.state = 3 AND d.sequence < o.sequence) THEN 2
                         ELSE 1 END",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            prop_assert_eq!(heads, 0, "the earliest open row of each key is its head, and no other");
            let miscounted: i64 = connection
                .query_row(
                    "SELECT count(*) FROM (SELECT partition_key, count(*) AS dead FROM seaworthy_outbox WHERE state = 3
                                           GROUP BY partition_key) AS found
                     FULL JOIN seaworthy_outbox_dead_keys AS kept USING (partition_key) WHERE found.dead IS NOT kept.dead",
                    [],
                    |row| row.get(0),
                )
                .unwrap();
            prop_assert_eq!(miscounted, 0, "the dead of each key are counted");
        }
    }
}
