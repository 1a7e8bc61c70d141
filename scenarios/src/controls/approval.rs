//! A lender whose sagas wait: for the approval of another service, which answers by a message, and then for a time.

use seaworthy_core::inbox::{Consumer, Handlers};
use seaworthy_sim::scenario::Topology;

use crate::small::{
    FRONT, SmallService,
    approvals::{APPROVAL_GIVEN, APPROVER, ASKED, Approve, GIVEN, approver, lender, loan},
};

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/approval",
        about: "loans that wait for an approval, and then for a while; everything is right",
        topology,
    }
}

pub(super) fn topology() -> Topology {
    let front = Topology::new().service(FRONT).replicas(2).run(|ports| {
        lender(ports, |ports, orchestrator| {
            let handlers = Handlers::builder().on(APPROVAL_GIVEN, Approve(orchestrator));
            let handlers = handlers.build().expect("one handler for one type");
            ports.spawn("approvals", Consumer::new(ports, FRONT, handlers, [GIVEN]).run());
        })
    });
    front.group(FRONT, &[GIVEN]).service(APPROVER).run(approver).group(APPROVER, &[ASKED]).saga(loan().shape())
}
