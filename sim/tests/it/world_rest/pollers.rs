use std::time::Duration;

use super::{booked::Payments, holds};

#[test]
fn a_poller_of_its_own_table_rests_and_has_done_its_work_whatever_its_interval() {
    holds(Payments::polled_every("poller-10ms", Duration::from_millis(10)), 150);
    holds(Payments::polled_every("poller-100ms", Duration::from_millis(100)), 150);
    holds(Payments::polled_every("poller-1s", Duration::from_secs(1)), 150);
    holds(Payments::polled_every("poller-1min", Duration::from_secs(60)), 150);
    holds(Payments::polled_every("poller-10min", Duration::from_secs(600)), 150);
}
