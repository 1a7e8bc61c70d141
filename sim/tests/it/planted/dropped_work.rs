//! A name is taken in memory, and given back at the end of the work on it. Whoever is dropped on the way gives nothing
//! back, and a process that lives on never serves that name again. No crash and no error finds that: they end the process
//! and its memory, or run to the end.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use seaworthy_core::ports::{Expected, Ports, StoreError};
use seaworthy_sim::{
    explore::{Campaign, Seeds, SweepOptions, Until, sweep},
    generate::generate,
    plan::{FORMAT, Fault, FaultKind, Plan, PlanFile, Profile, Shrinker, Verdict},
    scenario::Topology,
    world::{RunOptions, run},
};

use crate::small_service::{Answer, Service, serve};

const WRONG: Service = Service::wrong("lets-go-at-the-end-only", |is_right| {
    Topology::new().process("front", "front", "front", move |boot| {
        let busy = Busy::default();
        serve(boot.ports, move |ports, name| {
            let busy = busy.clone();
            Box::pin(async move { ports.try_scope(take(&ports, &busy, &name, is_right)).await })
        })
    })
});

/// Names that are being dealt with.
type Busy = Arc<Mutex<BTreeSet<String>>>;

/// A name that is being dealt with.
struct Held<'a>(&'a Busy, &'a str);

impl Held<'_> {
    fn let_go(&self) {
        self.0.lock().expect("nobody panics with it").remove(self.1);
    }
}

/// Lets a name go, also where its work was dropped.
struct Guard<'a>(Held<'a>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

async fn take(ports: &Ports, busy: &Busy, name: &str, is_right: bool) -> Result<Answer, StoreError> {
    if !busy.lock().expect("nobody panics with it").insert(name.to_owned()) {
        return Err(StoreError::Conflict("it is being dealt with: ask again".into()));
    }
    let held = Held(busy, name);
    if is_right {
        let _guard = Guard(held);
        return note(ports, name).await;
    }
    let noted = note(ports, name).await;
    held.let_go();
    noted
}

async fn note(ports: &Ports, name: &str) -> Result<Answer, StoreError> {
    let mut tx = ports.store.begin().await?;
    tx.put("notes", name, Expected::Any, b"1".to_vec().into()).await?;
    tx.commit().await?;
    Ok(Answer::Yes)
}

fn campaign(service: &Service, profile: Profile, without: &[FaultKind]) -> Campaign {
    let mut options = SweepOptions::new(Seeds::Base(0x5ea_0019), Until::runs(1_000));
    options.profiles = vec![profile];
    options.without_faults = without.to_vec();
    options.search.jobs = 1;
    sweep(service, &options, &|_| {}).expect("the sweep has seeds")
}

#[test]
fn what_is_kept_by_dropped_work_is_found_by_dropping_it_and_by_nothing_else() {
    for profile in [Profile::Crash, Profile::Everything, Profile::Swarm] {
        let found = campaign(&WRONG, profile, &[]);
        let failure = found.first_failure().unwrap_or_else(|| panic!("{profile} finds nothing"));
        assert_eq!(failure.violation.invariant, "request-unanswered", "{}", failure.violation.sentence);
        assert!(found.faults[&FaultKind::Cancel].fired > 0);
        let others = campaign(&WRONG, profile, &[FaultKind::Cancel]);
        assert_eq!(others.failed, 0, "{profile}: {:#?}", others.failures);
        let right = campaign(&WRONG.right(), profile, &[]);
        assert_eq!(right.failed, 0, "{profile}: {:#?}", right.failures);
        assert!(right.faults[&FaultKind::Cancel].fired > 0);
    }
}

#[test]
fn a_service_without_a_scope_is_not_asked_for_work_that_is_dropped() {
    let unscoped = Service::wrong("no-scope", |_| {
        Topology::new().process("front", "front", "front", |boot| {
            serve(boot.ports, |ports, name| Box::pin(async move { note(&ports, &name).await }))
        })
    });
    let campaign = campaign(&unscoped, Profile::Crash, &[]);
    let cancel = campaign.faults[&FaultKind::Cancel];
    assert!(cancel.planned > 50 && cancel.fired == 0, "{cancel:?}");
    let left_out = campaign.verdict().left_out;
    assert!(left_out.iter().any(|left_out| left_out.what == "fault cancel"), "{left_out:?}");
}

#[test]
fn a_plan_that_fails_shrinks_to_one_drop_before_a_call_and_is_replayed_from_its_file() {
    let fails = |plan: &Plan<_>| !run(&WRONG, plan, &RunOptions::default()).expect("it fits").held();
    let mut failing = (0..).map(|seed| generate(&WRONG, seed, Profile::Everything)).filter(fails);
    let mut shrinker = Shrinker::new(failing.next().expect("some seed fails"));
    while let Some(candidate) = shrinker.propose() {
        let still = fails(candidate);
        shrinker.decide(still);
    }
    let best = shrinker.best();
    let [Fault::Call(call)] = best.faults.as_slice() else { panic!("{:?}", best.faults) };
    assert_eq!(call.verdict, Verdict::Cancel { after: false });
    let text = best.print();
    assert!(text.contains(FORMAT) && text.contains("cancel"), "{text}");
    let read = PlanFile::parse(&text).expect("a plan").plan;
    assert_eq!(&read, best);
    assert!(fails(&read));
}
