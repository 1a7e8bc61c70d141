//! A broker that confirms what it can route to nobody: messages are lost without anybody's fault but the topology's word.

use seaworthy_sim::{
    plan::{FaultKind, Profile},
    scenario::Scenario,
};

use super::{campaign, lost_event};
use crate::small_service::Service;

/// A right service; where it is called wrong, its broker keeps less than it says.
const ON_SUCH_A_BROKER: Service = Service::wrong("on-a-broker-that-confirms-what-it-drops", |is_right| {
    let topology = lost_event::WRONG.right().topology();
    if is_right { topology } else { topology.confirms_unroutable() }
});

#[test]
fn what_a_broker_confirms_and_delivers_to_nobody_is_lost_and_only_where_the_topology_says_that_it_does_so() {
    let found = campaign(&ON_SUCH_A_BROKER, 500, &[Profile::Rejection]);
    let failure = found.first_failure().expect("a message is swallowed in some run");
    assert_eq!(failure.violation.invariant, "lost-event", "{}", failure.violation.sentence);
    assert!(found.faults[&FaultKind::Unroutable].fired > 0);
    let held = campaign(&ON_SUCH_A_BROKER.right(), 500, &[Profile::Rejection]);
    assert_eq!(held.failed, 0, "{:?}", held.failures);
    assert!(!held.faults.contains_key(&FaultKind::Unroutable));
}
