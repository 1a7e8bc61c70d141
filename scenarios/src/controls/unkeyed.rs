//! The smallest right service with a message: each request stages one, under a key of its own, and it is handled once.

use seaworthy_sim::scenario::Topology;

use crate::small::{FRONT, ITEMS, MAILER, SmallService, front, mailer};

/// Returns the control scenario.
pub fn control() -> SmallService {
    SmallService {
        name: "controls/unkeyed",
        about: "one message a request, without an order, handled once; everything is right",
        topology: || Topology::new().service(FRONT).run(front).service(MAILER).run(mailer).group(MAILER, &[ITEMS]),
    }
}
