//! Faults in words.

use std::fmt;

use crate::plan::{CallFault, Disturbance, Fault, Latency, Point, Restart, Schedule, TimedFault, Verdict};

/// In words, as a story tells it.
///
/// ```
/// use seaworthy_sim::plan::{CallFault, Fault, Point, Restart, Verdict};
///
/// let restart = Restart { after_ms: 200, upgrade: false };
/// let fault = Fault::Call(CallFault {
///     process: "orders-1".into(),
///     point: Point::Commit,
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
    let nth = ordinal(*nth);
    let what = noun(*point);
    match verdict {
        Verdict::Delay { ms } => write!(f, "delay the {nth} {what} of `{process}` by {ms} ms"),
        Verdict::Conflict => write!(f, "let the {nth} {what} of `{process}` fail with a conflict"),
        Verdict::Unavailable => write!(f, "refuse the {nth} {what} of `{process}` as unavailable"),
        Verdict::Reject => write!(f, "reject the {nth} {what} of `{process}` for good"),
        Verdict::LoseReply => write!(f, "lose the reply to the {nth} {what} of `{process}`"),
        Verdict::LoseRequest => write!(f, "lose the {nth} {what} of `{process}` on its way"),
        Verdict::Duplicate { after_ms } => {
            write!(f, "let the {nth} {what} of `{process}` take effect once more {after_ms} ms later")
        }
        Verdict::DropAck => write!(f, "drop the {nth} {what} of `{process}` without a word"),
        Verdict::PartialBatch { accepted: 0 } => write!(f, "let nothing of the {nth} {what} of `{process}` through"),
        Verdict::PartialBatch { accepted } => {
            write!(f, "let only {accepted} of the {nth} {what} of `{process}` through")
        }
        Verdict::CrashBefore(restart) => write!(f, "crash `{process}` before its {nth} {what}, {}", back(*restart)),
        Verdict::CrashAfter(restart) => write!(f, "crash `{process}` after its {nth} {what}, {}", back(*restart)),
    }
}

fn back(restart: Restart) -> String {
    let when = match restart.after_ms {
        0 => "back at once".to_owned(),
        ms => format!("back after {ms} ms"),
    };
    if restart.upgrade { format!("{when} as its next release") } else { when }
}

fn timed(fault: &TimedFault, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "from {} to {} ms ", fault.from_ms, fault.to_ms)?;
    match &fault.what {
        Disturbance::BrokerOutage => f.write_str("the broker answers nobody"),
        Disturbance::StoreOutage { store } => write!(f, "store `{store}` answers nobody"),
        Disturbance::ExternalOutage { service } => write!(f, "service `{service}` answers nobody"),
        Disturbance::Partition { process } => write!(f, "`{process}` can't reach the broker"),
        Disturbance::Pause { process } => write!(f, "`{process}` stands still"),
        Disturbance::SlowLink { process, extra_ms } => write!(f, "each call of `{process}` takes {extra_ms} ms longer"),
        Disturbance::ClockSkew { process, offset_ms } if *offset_ms < 0 => {
            write!(f, "the clock of `{process}` is {} ms behind", offset_ms.unsigned_abs())
        }
        Disturbance::ClockSkew { process, offset_ms } => write!(f, "the clock of `{process}` is {offset_ms} ms ahead"),
    }
}

/// How time passes in a plan, in words.
pub(super) fn schedule(schedule: &Schedule) -> String {
    let calls = match schedule.latency {
        Latency::Zero => "port calls take no time".to_owned(),
        Latency::Equal { ms } => format!("each port call takes {ms} ms"),
        Latency::Spread { min_ms, max_ms } => format!("port calls take {min_ms} to {max_ms} ms"),
    };
    match schedule.stall_per_mille {
        0 => calls,
        stalls => format!("{calls}, and {stalls} in 1,000 are held up"),
    }
}

/// `1st`, `2nd`, `3rd`, `4th` ... `11th`.
pub(super) fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}

fn noun(point: Point) -> &'static str {
    match point {
        Point::Begin => "begin of a transaction",
        Point::Read => "read",
        Point::Write => "write",
        Point::Statement => "statement",
        Point::Stage => "staging",
        Point::Inbox => "inbox call",
        Point::SagaLog => "saga log write",
        Point::Commit => "commit",
        Point::Claim => "claim",
        Point::Settle => "settlement",
        Point::Recover => "recovery call",
        Point::Upkeep => "upkeep call",
        Point::Publish => "publish",
        Point::Subscribe => "subscribe",
        Point::Receive => "receive",
        Point::Ack => "acknowledgement",
        Point::Nack => "negative acknowledgement",
        Point::External => "external call",
        Point::Request => "request",
        Point::Reply => "reply",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(point: Point, nth: u32, verdict: Verdict) -> String {
        Fault::Call(CallFault { process: "orders-1".into(), point, nth, verdict }).to_string()
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
            at(Point::Commit, 1, Verdict::Delay { ms: 20 }),
            at(Point::Write, 2, Verdict::Conflict),
            at(Point::Publish, 3, Verdict::Unavailable),
            at(Point::External, 4, Verdict::Reject),
            at(Point::Commit, 5, Verdict::LoseReply),
            at(Point::Settle, 6, Verdict::LoseRequest),
            at(Point::Publish, 7, Verdict::Duplicate { after_ms: 30 }),
            at(Point::Ack, 8, Verdict::DropAck),
            at(Point::Publish, 9, Verdict::PartialBatch { accepted: 2 }),
            at(Point::Publish, 10, Verdict::PartialBatch { accepted: 0 }),
            at(Point::SagaLog, 11, Verdict::CrashBefore(upgrade)),
        ];
        insta::assert_snapshot!(told.join("\n"), @r"
        delay the 1st commit of `orders-1` by 20 ms
        let the 2nd write of `orders-1` fail with a conflict
        refuse the 3rd publish of `orders-1` as unavailable
        reject the 4th external call of `orders-1` for good
        lose the reply to the 5th commit of `orders-1`
        lose the 6th settlement of `orders-1` on its way
        let the 7th publish of `orders-1` take effect once more 30 ms later
        drop the 8th acknowledgement of `orders-1` without a word
        let only 2 of the 9th publish of `orders-1` through
        let nothing of the 10th publish of `orders-1` through
        crash `orders-1` before its 11th saga log write, back at once as its next release
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
