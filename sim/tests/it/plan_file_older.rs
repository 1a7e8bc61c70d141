//! Plans of older formats: each point that they could name still means the calls that it meant, and a plan that nobody has
//! touched since is known as such.

use seaworthy_core::ports::Operation;
use seaworthy_sim::plan::{CallFault, Calls, FORMAT, Fault, Integrity, PlanFile, Point};
use serde_json::{Value, json};

use crate::deposits::Deposits;

/// Every point of `seaworthy/plan@1` and `seaworthy/plan@2`, in the order in which they were declared, and its meaning: all
/// operations of a kind were counted together. Two have a name that is one operation's today.
const POINTS: [(&str, Point); 20] = [
    ("begin", Point::Only(Operation::Begin)),
    ("read", Point::Any(Calls::Read)),
    ("write", Point::Any(Calls::Write)),
    ("statement", Point::Only(Operation::Statement)),
    ("stage", Point::Only(Operation::Stage)),
    ("inbox", Point::Any(Calls::Inbox)),
    ("saga_log", Point::Any(Calls::SagaLog)),
    ("commit", Point::Only(Operation::Commit)),
    ("claim", Point::Any(Calls::Claim)),
    ("settle", Point::Only(Operation::Settle)),
    ("recover", Point::Any(Calls::Recover)),
    ("upkeep", Point::Any(Calls::Upkeep)),
    ("publish", Point::Only(Operation::Publish)),
    ("subscribe", Point::Only(Operation::Subscribe)),
    ("receive", Point::Only(Operation::Receive)),
    ("ack", Point::Only(Operation::Ack)),
    ("nack", Point::Only(Operation::Nack)),
    ("external", Point::Only(Operation::External)),
    ("request", Point::Only(Operation::Request)),
    ("reply", Point::Only(Operation::Reply)),
];

/// Digest of [`plan_2`] by the rules of its time, reckoned outside this program.
const DIGEST: &str = "0xca6923a1fa068da3";

/// A plan as `seaworthy/plan@2` was written, with a fault at each point.
fn plan_2() -> Value {
    let faults: Vec<Value> = POINTS
        .iter()
        .enumerate()
        .map(|(number, (point, _))| {
            json!({"process": "teller-1", "point": point, "nth": number + 1, "verdict": {"delay": {"ms": 20}}})
        })
        .collect();
    json!({
        "format": "seaworthy/plan@2",
        "scenario": "deposits",
        "seed": "0x0000000000000007",
        "schedule": {"latency": "zero", "stall_per_mille": 0},
        "workload": [[1, 10]],
        "faults": faults,
        "digest": DIGEST,
    })
}

fn read(plan: &Value) -> PlanFile<Deposits> {
    PlanFile::parse(&plan.to_string()).expect("a plan of an older format is read")
}

fn points(file: &PlanFile<Deposits>) -> Vec<Point> {
    let point = |fault: &Fault| match fault {
        Fault::Call(CallFault { point, .. }) => *point,
        other => panic!("a fault at a call, not {other}"),
    };
    file.plan.faults.iter().map(point).collect()
}

#[test]
fn each_point_of_an_older_plan_means_the_calls_that_it_meant() {
    let meant = POINTS.map(|(_, point)| point);
    assert_eq!(points(&read(&plan_2())), meant);
    // The first format had a number for the seed, and no digest.
    let mut first = plan_2();
    first["format"] = json!("seaworthy/plan@1");
    first["seed"] = json!(7);
    first.as_object_mut().expect("an object").remove("digest");
    let file = read(&first);
    assert_eq!((points(&file), file.integrity, file.plan.seed), (meant.to_vec(), Integrity::Unknown, 7));
}

#[test]
fn an_older_plan_that_nobody_has_touched_is_intact_and_stays_so_when_it_is_written_anew() {
    let file = read(&plan_2());
    assert_eq!(file.integrity, Integrity::Intact);
    let again = PlanFile::<Deposits>::parse(&file.print()).expect("what this version writes");
    assert_eq!((again.integrity, again.plan.format.as_str(), &again.plan), (Integrity::Intact, FORMAT, &file.plan));
    // Any change shows, at a point by another name as well as anywhere else.
    for (name, other) in [("point", json!("upkeep")), ("nth", json!(77)), ("process", json!("teller-2"))] {
        let mut edited = plan_2();
        edited["faults"][1][name] = other;
        assert_eq!(read(&edited).integrity, Integrity::Edited, "{name}");
    }
}

/// The same names in a plan of today are operations: to read one as the other would strike other calls.
#[test]
fn a_name_that_has_changed_its_meaning_is_read_by_the_format_of_its_plan() {
    let mut today = plan_2();
    today["format"] = json!(FORMAT);
    let file = read(&today);
    assert_eq!(file.integrity, Integrity::Edited, "no release wrote this digest under this format");
    for (index, ((name, before), now)) in POINTS.iter().zip(points(&file)).enumerate() {
        let expected = match *name {
            "claim" => Point::Only(Operation::Claim),
            "saga_log" => Point::Only(Operation::SagaLog),
            _ => *before,
        };
        assert_eq!(now, expected, "{index}: {name}");
    }
}
