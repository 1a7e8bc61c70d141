//! Plans that are drawn: pure functions of the seed, always valid, and printable.

use std::collections::{BTreeMap, BTreeSet};

use crate::deposits::{RIGHT, Teller};
use proptest::prelude::*;
use seaworthy_sim::{
    generate::{Generator, generate},
    plan::{FORMAT, Fault, FaultKind, Latency, Plan, PlanError, Profile, Schedule},
    scenario::{Scenario, Topology, Workload},
};

fn profile() -> impl Strategy<Value = Profile> {
    proptest::sample::select(Profile::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_plan_of_every_profile_prints_and_parses_to_itself(seed: u64, profile in profile()) {
        let plan = generate(&RIGHT, seed, profile);
        prop_assert_eq!(Plan::parse(&plan.print()).expect("its own print"), plan);
    }

    #[test]
    fn a_plan_is_a_pure_function_of_its_seed(seed: u64, profile in profile()) {
        let generator = Generator::new(&RIGHT);
        generator.plan(seed ^ 1, profile);
        prop_assert_eq!(generator.plan(seed, profile), generate(&RIGHT, seed, profile));
    }

    #[test]
    fn a_drawn_plan_fits_its_scenario_and_stays_within_its_profile(seed: u64, profile in profile(), deposits_max in 1_u64..200) {
        let teller = Teller { deposits_max, ..RIGHT };
        let plan = generate(&teller, seed, profile);
        prop_assert!(plan.validate(teller.name(), &teller.topology()).is_ok());
        let enabled = profile.fault_kinds(&teller.topology());
        prop_assert!(plan.faults.iter().all(|fault| enabled.contains(&fault.kind())));
        prop_assert!(plan.faults.len() <= 8 + plan.workload.len() / 8);
    }

    #[test]
    fn the_profile_and_the_faults_do_not_shift_the_workload(seed: u64, one in profile(), other in profile()) {
        let mut plan = generate(&RIGHT, seed, one);
        prop_assert_eq!(&plan.workload, &generate(&RIGHT, seed, other).workload);
        let workload = plan.workload.clone();
        plan.faults.pop();
        let again: Plan<crate::deposits::Deposits> = Plan::parse(&plan.print()).expect("a plan");
        prop_assert_eq!((again.seed, again.workload), (seed, workload));
    }

    #[test]
    fn a_plan_cut_short_anywhere_is_an_error(seed: u64) {
        let text = generate(&RIGHT, seed, Profile::Everything).print();
        // The last byte is the newline: without it the plan is still whole.
        for end in 0..text.len() - 1 {
            let cut = Plan::<crate::deposits::Deposits>::parse(&text[..end]);
            prop_assert!(matches!(cut, Err(PlanError::Malformed(_))), "cut at {}: {:?}", end, cut);
        }
    }

    #[test]
    fn a_plan_with_any_byte_changed_never_panics(seed: u64, at: prop::sample::Index, byte in 32_u8..127) {
        let mut text = generate(&RIGHT, seed, Profile::Everything).print().into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let text = String::from_utf8(text).expect("ASCII");
        if let Ok(plan) = Plan::<crate::deposits::Deposits>::parse(&text) {
            // It may still be a plan; then it is either fit to run or says why not.
            let _ = plan.validate(RIGHT.name(), &RIGHT.topology());
        }
    }
}

#[test]
fn a_newer_format_is_named_as_such_whatever_else_it_holds() {
    let text = generate(&RIGHT, 1, Profile::Crash).print().replace(FORMAT, "seaworthy/plan@7");
    let error = Plan::<crate::deposits::Deposits>::parse(&text).expect_err("a newer format");
    assert!(matches!(&error, PlanError::Format { found } if found == "seaworthy/plan@7"), "{error}");
    assert!(matches!(
        Plan::<crate::deposits::Deposits>::parse(r#"{"format": "seaworthy/plan@9", "novelty": []}"#),
        Err(PlanError::Format { .. })
    ));
}

#[test]
fn calm_has_no_faults_and_the_default_latency() {
    for seed in 0..200 {
        let plan = generate(&RIGHT, seed, Profile::Calm);
        assert_eq!((plan.faults.len(), plan.schedule), (0, Schedule::default()));
    }
}

/// 4,000 plans hold about 8,000 faults, so that the rarest of 18 kinds comes up about a hundred times.
#[test]
fn swarm_and_everything_draw_every_kind_and_few_faults_for_each_plan() {
    for profile in [Profile::Everything, Profile::Swarm] {
        let mut kinds: BTreeMap<FaultKind, u32> = BTreeMap::new();
        let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
        for seed in 0..4_000 {
            let plan = generate(&RIGHT, seed, profile);
            *counts.entry(plan.faults.len()).or_default() += 1;
            plan.faults.iter().for_each(|fault| *kinds.entry(fault.kind()).or_default() += 1);
        }
        let possible = profile.fault_kinds(&RIGHT.topology());
        assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), possible, "{profile}");
        assert!(kinds.values().all(|count| *count > 60), "{profile}: {kinds:?}");
        let few: u32 = (1..=4).map(|faults| counts[&faults]).sum();
        assert!(few > 3_200, "{profile}: mostly 1 to 4 faults, not {counts:?}");
        assert!(counts.keys().all(|faults| *faults <= 8), "{profile}: {counts:?}");
    }
}

/// A subset of the classes for each seed is what sets swarm apart from everything.
#[test]
fn swarm_leaves_classes_out_and_varies_the_schedule() {
    let plans: Vec<_> =
        (0..2_000).map(|seed| generate(&Teller { deposits_max: 400, ..RIGHT }, seed, Profile::Swarm)).collect();
    let large = plans.iter().filter(|plan| plan.faults.len() > 20);
    let crashing = |plan: &&Plan<crate::deposits::Deposits>| {
        plan.faults.iter().any(|fault| matches!(fault.kind(), FaultKind::CrashBefore | FaultKind::CrashAfter))
    };
    let (with, all) = (large.clone().filter(crashing).count(), large.count());
    assert!(all > 500 && with * 3 < all * 2 && with * 4 > all, "{with} of {all} large plans crash anything");
    for wanted in [
        |schedule: &Schedule| schedule.latency == Latency::Zero,
        |schedule: &Schedule| matches!(schedule.latency, Latency::Equal { .. }),
        |schedule: &Schedule| matches!(schedule.latency, Latency::Spread { max_ms: 50.., .. }),
        |schedule: &Schedule| schedule.stall_per_mille == 0,
        |schedule: &Schedule| schedule.stall_per_mille >= 20,
        |schedule: &Schedule| *schedule == Schedule::default(),
    ] {
        assert!(plans.iter().filter(|plan| wanted(&plan.schedule)).count() > 100);
    }
}

#[test]
fn each_kind_of_fault_belongs_to_exactly_one_class() {
    let topology = RIGHT.topology().group("tellers", &["deposits"]).confirms_unroutable();
    let topology = topology.next_release().fails_for_good().restores();
    let all: Vec<FaultKind> = Profile::CLASSES.into_iter().flat_map(|class| class.fault_kinds(&topology)).collect();
    assert_eq!(all.iter().copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), FaultKind::ALL);
    assert_eq!(all.len(), FaultKind::ALL.len());
    assert_eq!(Profile::Swarm.fault_kinds(&topology), FaultKind::ALL);
}

#[test]
fn what_a_scenario_does_not_have_is_not_struck() {
    let bare = Topology::new();
    assert_eq!(Profile::Everything.fault_kinds(&bare), [FaultKind::BrokerOutage]);
    let with_process = Topology::new().process("a", "a", "a", |_| async {});
    assert!(!Profile::Outage.fault_kinds(&with_process).contains(&FaultKind::ExternalOutage));
    assert!(!Profile::Rejection.fault_kinds(&with_process).contains(&FaultKind::Unroutable));
}

#[test]
fn a_large_workload_gets_more_faults_spread_over_all_of_it() {
    let plan = generate(&Teller { deposits_max: 5_000, ..RIGHT }, 3, Profile::Everything);
    assert!(plan.workload.len() > 1_000);
    assert!(plan.faults.len() > 8, "{} faults", plan.faults.len());
    let late = plan.faults.iter().filter(|fault| matches!(fault, Fault::Call(call) if call.nth > 1_000)).count();
    assert!(late > 0, "some strike late");
}

#[test]
fn profiles_are_read_as_they_are_written_and_others_refused() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
        assert_eq!(serde_json::to_string(&profile).expect("JSON"), format!("\"{profile}\""));
    }
    let error = "chaos".parse::<Profile>().expect_err("no such profile");
    assert!(error.to_string().contains("swarm"), "{error}");
}

/// Fixed for good: plans that were printed as a seed must come back as they were.
#[test]
fn a_known_seed_gives_the_plan_that_it_always_gave() {
    insta::assert_snapshot!(generate(&RIGHT, 0x5ea, Profile::Swarm).print());
}
