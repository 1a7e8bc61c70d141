//! A plan's file: read back to the letter, whatever tool it passed through, or refused with the field's name.

use seaworthy_sim::{
    generate::generate,
    plan::{FORMAT, Integrity, Plan, PlanError, PlanFile, Profile, scenario_of},
    world::{RunOptions, run},
};
use serde_json::{Value, json};

use crate::deposits::{Deposits, RIGHT};

/// A plan with faults of both kinds and a seed beyond 2^53.
fn plan() -> Plan<Deposits> {
    let seeds = (0..).map(|number| u64::MAX - number);
    let mut plans = seeds.map(|seed| generate(&RIGHT, seed, Profile::Everything));
    plans.find(|plan| plan.faults.len() >= 4).expect("everything is much")
}

fn read(text: &str) -> PlanFile<Deposits> {
    PlanFile::parse(text).expect("a plan")
}

/// What node and jq do to JSON: every number becomes a double, and keys may change their order.
fn through_a_tool(text: &str) -> String {
    fn through(value: Value) -> Value {
        match value {
            Value::Number(number) => {
                let double = number.as_f64().expect("a number");
                if double.fract() == 0.0 { json!(double as i128 as i64) } else { json!(double) }
            }
            Value::Array(list) => list.into_iter().map(through).collect(),
            Value::Object(fields) => fields.into_iter().rev().map(|(name, value)| (name, through(value))).collect(),
            other => other,
        }
    }
    through(serde_json::from_str(text).expect("JSON")).to_string()
}

#[test]
fn a_plan_that_passed_through_a_tool_runs_the_same_and_is_intact() {
    let plan = plan();
    let file = read(&through_a_tool(&plan.print()));
    assert_eq!((file.integrity, &file.plan), (Integrity::Intact, &plan));
    let fingerprint = |plan| run(&RIGHT, plan, &RunOptions::default()).expect("it fits").fingerprint;
    assert_eq!(fingerprint(&file.plan), fingerprint(&plan));
}

#[test]
fn a_plan_that_was_changed_says_so_and_still_runs() {
    let text = plan().print();
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    value["faults"].as_array_mut().expect("a list").pop();
    let file = read(&value.to_string());
    assert_eq!(file.integrity, Integrity::Edited);
    run(&RIGHT, &file.plan, &RunOptions::default()).expect("it runs");
    // Written again it is whole again.
    assert_eq!(read(&file.plan.print()).integrity, Integrity::Intact);
}

#[test]
fn a_plan_of_the_older_format_is_read() {
    let plan = plan();
    let mut value: Value = serde_json::from_str(&plan.print()).expect("JSON");
    value["format"] = json!("seaworthy/plan@1");
    value["seed"] = json!(plan.seed);
    value.as_object_mut().expect("an object").remove("digest");
    let file = read(&value.to_string());
    assert_eq!((file.integrity, &file.plan), (Integrity::Unknown, &plan));
    assert_eq!(file.plan.format, FORMAT);
}

#[test]
fn a_plan_says_on_which_store_it_was_found() {
    let file = PlanFile { store: Some("sqlite".into()), ..PlanFile::new(plan()) };
    assert_eq!(read(&file.print()), file);
    assert!(!plan().print().contains("store\": \"sqlite"));
}

/// Every object of the plan in turn gets a field that nobody reads.
#[test]
fn a_field_that_nothing_reads_is_an_error_that_names_it_and_its_place_wherever_it_is() {
    let text = json!({
        "format": FORMAT, "scenario": "deposits", "seed": "0x1",
        "schedule": {"latency": {"spread": {"min_ms": 1, "max_ms": 8}}},
        "workload": [[1, 1]],
        "faults": [
            {"process": "teller-1", "point": "commit", "nth": 1, "verdict": {"crash_after": {"after_ms": 3}}},
            {"process": "teller-1", "point": "commit", "nth": 2, "verdict": {"delay": {"ms": 3}}},
            {"from_ms": 1, "to_ms": 2, "what": {"partition": {"process": "teller-1"}}},
        ],
    });
    PlanFile::<Deposits>::parse(&text.to_string()).expect("as it is");
    for (place, path) in [
        ("", "from_store"),
        ("/schedule", "schedule.from_store"),
        ("/schedule/latency/spread", "schedule.latency.spread.from_store"),
        ("/faults/0", "faults[0].from_store"),
        ("/faults/0/verdict/crash_after", "faults[0].verdict.crash_after.from_store"),
        ("/faults/1/verdict/delay", "faults[1].verdict.delay.from_store"),
        ("/faults/2", "faults[2].from_store"),
        ("/faults/2/what/partition", "faults[2].what.partition.from_store"),
    ] {
        let mut text = text.clone();
        let object = text.pointer_mut(place).and_then(Value::as_object_mut).expect(place);
        object.insert("from_store".to_owned(), json!("store"));
        let error = PlanFile::<Deposits>::parse(&text.to_string()).expect_err(place).to_string();
        let told = format!(": {path}: unknown field `from_store`");
        assert!(error.contains(&told), "{place}: {error}");
    }
}

#[test]
fn a_field_of_the_workload_that_nothing_reads_is_an_error_that_names_it() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Order {
        id: u64,
    }
    let text = json!({
        "format": FORMAT, "scenario": "orders", "seed": "0x1", "workload": [{"id": 1}, {"id": 2, "colour": "red"}],
        "faults": [],
    });
    let error = PlanFile::<Vec<Order>>::parse(&text.to_string()).expect_err("it would be ignored");
    assert!(matches!(&error, PlanError::UnknownField { field } if field == "workload.1.colour"), "{error}");
}

#[test]
fn a_seed_that_lost_its_digits_is_refused() {
    let text = plan().print();
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    value["seed"] = json!(1.844_674_407_370_955e19);
    let error = PlanFile::<Deposits>::parse(&value.to_string()).expect_err("a double").to_string();
    assert!(error.contains("lost its last digits"), "{error}");
}

#[test]
fn the_mark_that_an_editor_puts_before_the_text_is_read_over() {
    let text = format!("\u{feff}{}", plan().print());
    assert_eq!(scenario_of(&text).expect("its head is read"), plan().scenario);
    let file = PlanFile::<Deposits>::parse(&text).expect("the rest, too");
    assert_eq!((file.plan, file.integrity), (plan(), Integrity::Intact));
    let error = PlanFile::<Deposits>::parse("\u{feff}").expect_err("and nothing else").to_string();
    assert!(error.contains("EOF"), "{error}");
}
