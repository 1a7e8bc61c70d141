//! Plans by which the right shop was once accused of what it had not done.

use std::{fs, path::Path};

use seaworthy_scenarios::order_fulfillment::OrderFulfillment;
use seaworthy_sim::{
    explore::read_plan,
    world::{RunOptions, run},
};

#[test]
fn the_right_shop_holds_where_it_was_once_accused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut plans = 0;
    for entry in fs::read_dir(folder).expect("the plans are there") {
        let path = entry.expect("readable").path();
        let plan = read_plan(&path).expect("a plan");
        let report = run(&OrderFulfillment::new(), &plan, &RunOptions::default()).expect("the same topology");
        assert!(report.held(), "{}: {:?}", path.display(), report.violations);
        assert!(report.fired.len() > 1, "{}: its faults strike", path.display());
        plans += 1;
    }
    assert_eq!(plans, 4);
}
