use super::{folder, seaworthy};

/// The first request of a plan comes after five days, in which a relay looks for rows twice a second.
const PLAN: &str = r#"{"format": "seaworthy/plan@3", "scenario": "inbox/effect-then-mark/right", "seed": "0x0000000000000000",
    "schedule": {"latency": {"equal": {"ms": 1}}, "stall_per_mille": 0},
    "workload": {"requests": [{"name": "item-1", "after_ms": 432000000}]}, "faults": []}"#;

#[test]
fn a_client_that_is_silent_for_days_makes_no_livelock_of_a_service_that_polls() {
    let folder = folder();
    std::fs::write(folder.path().join("far.json"), PLAN).expect("writable");
    let ran = seaworthy(folder.path(), &["replay", "far.json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 request answered"), "{}", ran.out);
}
