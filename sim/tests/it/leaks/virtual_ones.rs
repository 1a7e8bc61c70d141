//! What looks like a leak and is none: the simulator gives it from the seed.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "these are what is shown to be safe")]

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    thread,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use super::{Leaky, scenario::campaign};

#[track_caller]
fn is_the_same_each_time(leaky: &Leaky) {
    let campaign = campaign(leaky);
    assert_eq!(campaign.difference().map(|difference| difference.story.as_str()), None);
    assert!(campaign.twice.plans >= 5 && campaign.verdict().held);
}

#[test]
fn the_time_of_the_standard_library_is_virtual() {
    is_the_same_each_time(&Leaky::new(|_| {
        Box::pin(async { SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_nanos().to_string() })
    }));
    is_the_same_each_time(&Leaky::new(|ports| {
        Box::pin(async move {
            let start = Instant::now();
            ports.clock.sleep(std::time::Duration::from_millis(3)).await;
            format!("{:?}", start.elapsed())
        })
    }));
}

#[test]
fn a_hash_map_of_a_run_with_a_thread_of_its_own_has_the_order_of_the_seed() {
    is_the_same_each_time(&Leaky::new(|_| {
        Box::pin(async {
            let map: HashMap<u32, ()> = (0..32).map(|number| (number, ())).collect();
            format!("{:?} {}", map.keys().collect::<Vec<_>>(), RandomState::new().hash_one(7))
        })
    }));
}

#[test]
fn the_number_of_cores_is_virtual() {
    is_the_same_each_time(&Leaky::new(|_| Box::pin(async { format!("{:?}", thread::available_parallelism()) })));
}
