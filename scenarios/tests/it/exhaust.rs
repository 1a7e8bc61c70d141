//! One order, and every fault that can strike it: the shop holds, and its twins do not. All pairs of faults take a minute in
//! an optimised build; here it is a part of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use seaworthy_scenarios::{
    order_fulfillment::{OrderFulfillment, Orders},
    specimens,
};
use seaworthy_sim::{
    explore::{Campaign, ExhaustOptions, Exhausted, Runner, Shard, exhaust},
    generate::generate,
    plan::{CallFault, Fault, FaultKind, Plan, PlanError, Profile, Verdict},
    scenario::Scenario,
    trace::{Effect, What},
    world::{self, RunOptions, RunReport},
};

fn exhausted<S: Scenario>(scenario: &S, options: &ExhaustOptions) -> (Campaign, Exhausted) {
    let campaign = exhaust(scenario, options, &|_| {}).expect("there are orders");
    let exhausted = campaign.exhausted.expect("it is an exhaustive search");
    (campaign, exhausted)
}

#[test]
fn the_shop_holds_under_every_fault_and_there_are_as_many_of_them_each_time() {
    let (campaign, first) = exhausted(&OrderFulfillment::new(), &ExhaustOptions::new(1));
    assert_eq!((campaign.failed, campaign.runs), (0, first.all()), "{:?}", campaign.failures);
    assert!(first.single > 500, "{first}");
    let struck: u64 = campaign.faults.values().map(|tally| tally.fired).sum();
    assert_eq!(struck, first.single, "each of them strikes");
    let verdict = campaign.verdict();
    assert!(verdict.passes(true) && verdict.proves(), "{verdict}");
    assert_eq!(exhausted(&OrderFulfillment::new(), &ExhaustOptions::new(1)).1, first);
}

struct Noted(OrderFulfillment, Mutex<Vec<String>>);

impl Runner for Noted {
    type Scenario = OrderFulfillment;

    fn scenario(&self) -> &OrderFulfillment {
        &self.0
    }

    fn run(&self, plan: &Plan<Orders>, options: &RunOptions) -> Result<RunReport, PlanError> {
        let report = world::run(&self.0, plan, options)?;
        if report.fired.len() == 2 {
            let faults: Vec<String> = plan.faults.iter().map(ToString::to_string).collect();
            self.1.lock().expect("no panic").push(faults.join(" and "));
        }
        Ok(report)
    }
}

/// Nobody asks the first replica again unless its answer is lost. It waits for the next request before it has given that.
#[test]
fn a_request_that_comes_only_because_of_another_fault_is_struck_beside_that_one() {
    let mut options = ExhaustOptions::new(2);
    let kept = [FaultKind::LoseRequest, FaultKind::Duplicate];
    options.without_faults = FaultKind::ALL.iter().copied().filter(|kind| !kept.contains(kind)).collect();
    let noted = Noted(OrderFulfillment::new(), Mutex::default());
    let campaign = exhaust(&noted, &options, &|_| {}).expect("there are orders");
    assert_eq!(campaign.failed, 0, "{:?}", campaign.failures);
    let pairs = noted.1.into_inner().expect("no panic");
    let again = "let the 2nd request of `orders-1` take effect once more 0 ms later";
    let both = format!("lose the 1st reply of `orders-1` on its way and {again}");
    assert!(pairs.contains(&both), "{pairs:#?}");
    assert!(!pairs.iter().any(|pair| pair.starts_with(again)), "by itself it never comes");
}

#[test]
fn the_shop_holds_under_a_part_of_all_pairs() {
    let options = ExhaustOptions::new(2).shard(Shard::new(101, 400).expect("a shard"));
    let (campaign, part) = exhausted(&OrderFulfillment::new(), &options);
    assert_eq!((campaign.failed, campaign.runs), (0, part.plans), "{:?}", campaign.failures);
    assert!(part.double > 100_000 && (part.all() / 400..=part.all() / 400 + 1).contains(&part.plans), "{part}");
    let calls = campaign.points.values().map(|tally| tally.fired).sum::<u64>();
    assert!(calls > part.plans, "most plans strike twice: {calls} of {}", part.plans);
}

/// Kinds of fault of which some are tried alone only.
const SPARED: [FaultKind; 9] = [
    FaultKind::CrashBefore,
    FaultKind::CrashAfter,
    FaultKind::Stop,
    FaultKind::Delay,
    FaultKind::Cancel,
    FaultKind::Unavailable,
    FaultKind::Conflict,
    FaultKind::Hang,
    FaultKind::StatementError,
];

/// What came of a run, in numbers: each thing that was written, published, asked of others and acknowledged.
fn came_of(report: &RunReport) -> BTreeMap<String, u32> {
    let mut came = BTreeMap::new();
    for event in report.trace.iter().flatten() {
        let things = match &event.what {
            What::Commit { effects, .. } => effects.iter().map(written).collect(),
            What::Publish { message, outcome, .. } => vec![format!("{outcome:?} {}", message.topic)],
            What::External { service, operation, acted, .. } => vec![format!("{service} {operation} {acted}")],
            What::Ack { group, outcome, .. } => vec![format!("ack {group} {outcome:?}")],
            _ => Vec::new(),
        };
        things.into_iter().for_each(|thing| *came.entry(thing).or_insert(0) += 1);
    }
    came
}

fn written(effect: &Effect) -> String {
    match effect {
        Effect::Document { collection, body, .. } => format!("{collection} {}", body.is_some()),
        Effect::Observed { fact, value, .. } => format!("{fact} {value}"),
        other => format!("{other:?}").split([' ', '(']).next().unwrap_or_default().to_owned(),
    }
}

/// What a fault is, wherever it strikes. Whether a process ends before a call or after it is where.
fn alike(fault: &Fault) -> String {
    let Fault::Call(CallFault { verdict, .. }) = fault else { return fault.to_string() };
    match verdict {
        Verdict::CrashBefore(restart) | Verdict::CrashAfter(restart) => format!("crash {restart:?}"),
        Verdict::Delay { .. } => "delay".to_owned(),
        Verdict::Unavailable | Verdict::StatementError => "unavailable".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What an exhaustive search has tried of faults of those kinds.
#[derive(Default)]
struct Tried {
    /// The plan that it adds faults to.
    calm: Option<Plan<Orders>>,
    /// Each fault by itself, and what came of it.
    alone: Vec<(Fault, BTreeMap<String, u32>)>,
    in_pairs: BTreeSet<String>,
}

impl Tried {
    /// The faults that were tried in pairs, or those that were not.
    fn those(&self, are_in_pairs: bool) -> impl Iterator<Item = &(Fault, BTreeMap<String, u32>)> {
        self.alone.iter().filter(move |(fault, _)| self.in_pairs.contains(&fault.to_string()) == are_in_pairs)
    }
}

/// Runs what has one fault, and of what has two only says which they are.
fn tried() -> Tried {
    struct Alone(OrderFulfillment, Mutex<Tried>, RunReport);

    impl Runner for Alone {
        type Scenario = OrderFulfillment;

        fn scenario(&self) -> &OrderFulfillment {
            &self.0
        }

        fn run(&self, plan: &Plan<Orders>, options: &RunOptions) -> Result<RunReport, PlanError> {
            let tried = &mut *self.1.lock().expect("no panic");
            match &plan.faults[..] {
                _ if options.list_calls => world::run(&self.0, plan, options),
                [] => {
                    tried.calm = Some(plan.clone());
                    world::run(&self.0, plan, options)
                }
                [one] => {
                    let report = world::run(&self.0, plan, &options.clone().keep_trace(true))?;
                    tried.alone.push((one.clone(), came_of(&report)));
                    Ok(report)
                }
                faults => {
                    tried.in_pairs.extend(faults.iter().map(ToString::to_string));
                    Ok(self.2.clone())
                }
            }
        }
    }

    let mut options = ExhaustOptions::new(2);
    options.without_faults = FaultKind::ALL.iter().copied().filter(|kind| !SPARED.contains(kind)).collect();
    options.search.run_twice = 0;
    let shop = OrderFulfillment::new();
    let calm = world::run(&shop, &generate(&shop, 0, Profile::Calm), &RunOptions::default()).expect("it fits");
    let runner = Alone(shop, Mutex::default(), calm);
    exhaust(&runner, &options, &|_| {}).expect("there are orders");
    let mut tried = runner.1.into_inner().expect("no panic");
    // They were run side by side.
    tried.alone.sort_by_cached_key(|(fault, _)| fault.to_string());
    tried
}

/// Pairs leave out what comes to the same as another fault at that call or the next one. Here each fault is run by itself.
#[test]
fn what_is_in_no_pair_leads_to_nothing_that_others_do_not() {
    let tried = tried();
    let others: BTreeSet<_> = tried.those(true).map(|(fault, came)| (alike(fault), came)).collect();
    let spared: Vec<_> = tried.those(false).collect();
    assert!(spared.len() > 100 && others.len() > 20, "{} and {}", spared.len(), others.len());
    let unlike: Vec<_> = spared.iter().filter(|(fault, came)| !others.contains(&(alike(fault), came))).collect();
    assert!(unlike.is_empty(), "{unlike:#?}");
}

/// The fault, and the same at the call before and after it: a transaction that is lost before its commit makes none, so that
/// what comes later counts otherwise.
fn neighbours(fault: &Fault) -> impl Iterator<Item = Fault> {
    let moved = |by: i64| match fault {
        Fault::Call(call) => {
            let nth = u32::try_from(i64::from(call.nth) + by).ok().filter(|nth| *nth > 0)?;
            Some(Fault::Call(CallFault { nth, ..call.clone() }))
        }
        _ => (by == 0).then(|| fault.clone()),
    };
    [0, 1, -1].into_iter().filter_map(moved)
}

/// The same beside another fault: some of those that are tried in pairs, each with all that is tried beside it and all that
/// is not.
#[test]
fn what_is_in_no_pair_leads_to_nothing_new_beside_other_faults() {
    let (shop, tried) = (OrderFulfillment::new(), tried());
    let calm = tried.calm.as_ref().expect("the plan without faults was run");
    let run = RunOptions::default().keep_trace(true);
    let both = |one: &Fault, other: &Fault| {
        let plan = Plan { faults: vec![one.clone(), other.clone()], ..calm.clone() };
        let came = came_of(&world::run(&shop, &plan, &run).expect("it fits"));
        // Two faults in a row make for one attempt more or less. What matters is what came once, and what came again.
        came.into_iter().map(|(thing, times)| (thing, times.min(2))).collect::<BTreeMap<_, _>>()
    };
    let others: Vec<&Fault> = tried.those(true).map(|(fault, _)| fault).collect();
    let (mut judged, mut unlike) = (0, Vec::new());
    for other in others.iter().step_by(others.len() / 5) {
        let known = neighbours(other).flat_map(|other| {
            tried.those(true).map(move |(fault, _)| (alike(fault), both(fault, &other))).collect::<Vec<_>>()
        });
        let known: BTreeSet<_> = known.collect();
        for (fault, _) in tried.those(false) {
            judged += 1;
            if !known.contains(&(alike(fault), both(fault, other))) {
                unlike.push(format!("{fault}; {other}"));
            }
        }
    }
    assert!(judged > 2_000, "{judged}");
    assert!(unlike.is_empty(), "{} of {judged}: {unlike:#?}", unlike.len());
}

/// One request, and every fault that can strike it. A seat that nobody can pay for is what the fifth seed asks for first.
#[test]
fn each_specimen_is_found_by_one_fault_and_its_right_twin_holds_under_every_one() {
    for (broken, right) in specimens::small() {
        let seed = (broken.name() == "choreography/release-before-reserve").then_some(5);
        let options = ExhaustOptions::new(1).seed(seed);
        let (found, one) = exhausted(&broken, &options);
        assert!(found.failed > 0, "{} holds: {one}", broken.name());
        let (held, all) = exhausted(&right, &options);
        assert_eq!((held.failed, held.runs), (0, all.all()), "{}: {:?}", right.name(), held.failures);
    }
}

/// What a twin needs beside the orders that it says and one fault: an order that is refused, where it is wrong in how it
/// turns back. Under one order that goes through, a pair of faults finds that, too.
fn needs(twin: &OrderFulfillment) -> Option<u64> {
    twin.name().ends_with("/compensation-skipped-after-crash").then_some(4)
}

#[test]
fn each_broken_twin_is_found_by_one_fault() {
    let twins = specimens::twins();
    assert_eq!(twins.len(), 10);
    // Most of them have the same control.
    let mut controls = Vec::new();
    for twin in twins {
        let (items, seed) = (twin.least_items(), needs(&twin));
        let options = ExhaustOptions::new(1).items(items).seed(seed);
        let (campaign, one) = exhausted(&twin, &options);
        let failure = campaign.failures.first().unwrap_or_else(|| panic!("{} holds: {one}", twin.name()));
        println!(
            "{:<52} plan {:>4} of {:>4}  {}",
            twin.name(),
            failure.index + 1,
            one.all(),
            failure.violation.invariant
        );
        if !controls.contains(&(items, seed)) {
            let (control, _) = exhausted(&OrderFulfillment::new(), &options);
            assert_eq!(control.failed, 0, "the good shop fails where {} does: {:?}", twin.name(), control.failures);
            controls.push((items, seed));
        }
    }
}

/// Whoever only asks for it finds each of them: with as many orders as it says, by one fault or by two.
#[test]
fn each_broken_twin_is_found_without_knowing_where_to_look() {
    for twin in specimens::twins() {
        let (campaign, all) = exhausted(&twin, &ExhaustOptions::new(2).items(twin.least_items()));
        assert!(campaign.failed > 0, "{} holds: {all}", twin.name());
    }
}
