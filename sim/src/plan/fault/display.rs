//! A fault in words: when and whom it strikes, around the words that each kind has for what it does.

use std::fmt;

use seaworthy_core::ports::Operation;

use super::{Call, CallFault, Fault, TimedFault};
use crate::plan::{Calls, Point};

/// In words, as a story tells it.
///
/// ```
/// use seaworthy_core::ports::Operation;
/// use seaworthy_sim::plan::{CallFault, Fault, Restart, Verdict};
///
/// let restart = Restart { after_ms: 200, upgrade: false };
/// let fault = Fault::Call(CallFault {
///     process: "orders-1".into(),
///     point: Operation::Commit.into(),
///     nth: 3,
///     verdict: Verdict::CrashAfter(restart),
/// });
/// assert_eq!(fault.to_string(), "crash `orders-1` after its 3rd commit, back after 200 ms");
/// ```
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(fault) => call(fault, f),
            Self::Timed(fault) => timed(fault, f),
        }
    }
}

fn call(fault: &CallFault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let CallFault { process, point, nth, verdict } = fault;
    f.write_str(&verdict.words(Call { nth: &ordinal(*nth), what: &noun(*point), process }))
}

fn timed(fault: &TimedFault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "from {} to {} ms {}", fault.from_ms, fault.to_ms, fault.what.words())
}

/// `1st`, `2nd`, `3rd`, `4th` ... `11th`.
fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

fn noun(point: Point) -> String {
    match point {
        Point::Any(calls) => match calls {
            Calls::Read => "read",
            Calls::Write => "write",
            Calls::Inbox => "inbox call",
            Calls::SagaLog => "saga log write",
            Calls::Claim => "claim",
            Calls::Recover => "recovery call",
            Calls::Upkeep => "upkeep call",
        }
        .to_owned(),
        Point::Only(operation) => match operation {
            Operation::Begin => "begin of a transaction".to_owned(),
            Operation::Stage => "staging".to_owned(),
            Operation::Settle => "settlement".to_owned(),
            Operation::Ack => "acknowledgement".to_owned(),
            Operation::Nack => "negative acknowledgement".to_owned(),
            Operation::External => "external call".to_owned(),
            other => other.name().replace('_', " "),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Disturbance, Restart, Verdict};

    fn at(point: impl Into<Point>, nth: u32, verdict: Verdict) -> String {
        Fault::Call(CallFault { process: "orders-1".into(), point: point.into(), nth, verdict }).to_string()
    }

    fn over(what: Disturbance) -> String {
        Fault::Timed(TimedFault { from_ms: 100, to_ms: 900, what }).to_string()
    }

    #[test]
    fn ordinals_know_their_teens() {
        let words: Vec<String> = [1, 2, 3, 4, 11, 12, 13, 21, 22, 111, 1_003].map(ordinal).into();
        assert_eq!(words, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "111th", "1003rd"]);
    }

    #[test]
    fn every_verdict_has_its_words() {
        let upgrade = Restart { after_ms: 0, upgrade: true };
        let told = [
            at(Operation::Commit, 1, Verdict::Delay { ms: 20 }),
            at(Operation::Put, 2, Verdict::Conflict),
            at(Operation::Publish, 3, Verdict::Unavailable),
            at(Operation::External, 4, Verdict::Reject),
            at(Operation::Commit, 5, Verdict::LoseReply),
            at(Operation::Settle, 6, Verdict::LoseRequest),
            at(Operation::Publish, 7, Verdict::Duplicate { after_ms: 30 }),
            at(Operation::Ack, 8, Verdict::DropAck),
            at(Operation::Publish, 9, Verdict::PartialBatch { accepted: 2 }),
            at(Operation::Publish, 10, Verdict::PartialBatch { accepted: 0 }),
            at(Operation::SagaAppend, 11, Verdict::CrashBefore(upgrade)),
            at(Calls::Write, 12, Verdict::Stop(upgrade)),
            at(Operation::InboxInsert, 13, Verdict::StatementError),
            at(Operation::Publish, 14, Verdict::Unroutable),
            at(Operation::Get, 15, Verdict::Cancel { after: false }),
            at(Operation::External, 16, Verdict::Cancel { after: true }),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"
        delay the 1st commit of `orders-1` by 20 ms
        let the 2nd put of `orders-1` fail with a conflict
        refuse the 3rd publish of `orders-1` as unavailable
        reject the 4th external call of `orders-1` for good
        lose the reply to the 5th commit of `orders-1`
        lose the 6th settlement of `orders-1` on its way
        let the 7th publish of `orders-1` take effect once more 30 ms later
        drop the 8th acknowledgement of `orders-1` without a word
        let only 2 of the 9th publish of `orders-1` through
        let nothing of the 10th publish of `orders-1` through
        crash `orders-1` before its 11th saga append, back at once as its next release
        ask `orders-1` to stop at its 12th write, back at once as its next release
        break off the 13th inbox insert of `orders-1`, and its transaction with it
        confirm the 14th publish of `orders-1` and deliver it to nobody
        drop the work of `orders-1` that makes its 15th get, right before it
        drop the work of `orders-1` that makes its 16th external call, right after it
        ");
    }

    #[test]
    fn every_disturbance_has_its_words() {
        let told = [
            over(Disturbance::BrokerOutage),
            over(Disturbance::StoreOutage { store: "orders".into() }),
            over(Disturbance::ExternalOutage { service: "payments".into() }),
            over(Disturbance::Partition { process: "orders-1".into() }),
            over(Disturbance::Pause { process: "orders-1".into() }),
            over(Disturbance::SlowLink { process: "orders-1".into(), extra_ms: 40 }),
            over(Disturbance::ClockSkew { process: "orders-1".into(), offset_ms: -250 }),
            over(Disturbance::ClockSkew { process: "orders-1".into(), offset_ms: 250 }),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"
        from 100 to 900 ms the broker answers nobody
        from 100 to 900 ms store `orders` answers nobody
        from 100 to 900 ms service `payments` answers nobody
        from 100 to 900 ms `orders-1` can't reach the broker
        from 100 to 900 ms `orders-1` stands still
        from 100 to 900 ms each call of `orders-1` takes 40 ms longer
        from 100 to 900 ms the clock of `orders-1` is 250 ms behind
        from 100 to 900 ms the clock of `orders-1` is 250 ms ahead
        ");
    }
}
