use crate::{
    catalogue::{Case, Smaller},
    plan::counted,
};

/// Describes how much smaller a plan has become, and whether it may become smaller still.
pub(super) fn size(before: &dyn Case, smaller: &Smaller<'_>) -> String {
    let count = |case: &dyn Case| {
        let faults = counted(case.faults() as u64, "faults");
        format!("{faults} and {}", counted(case.items() as u64, case.noun()))
    };
    let (before, after, runs) = (count(before), count(&*smaller.case), smaller.runs);
    let perhaps = if smaller.minimal { "" } else { ", perhaps not the smallest: there was no time for more" };
    format!("shrunk in {} from {before} to {after}{perhaps}\n\n", counted(runs, "runs"))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{
        catalogue::case,
        generate::generate,
        plan::{Plan, Profile},
        scenario::{Client, Draw, Scenario, Topology},
        world::RunOptions,
    };

    /// Nobody, who does nothing.
    struct Nobody;

    #[async_trait]
    impl Scenario for Nobody {
        type Workload = Vec<String>;

        fn name(&self) -> &str {
            "nobody"
        }

        fn topology(&self) -> Topology {
            Topology::new()
        }

        fn workload(&self, _: &mut Draw) -> Vec<String> {
            vec!["nothing".to_owned()]
        }

        async fn drive(&self, _: &Vec<String>, _: Client) {}
    }

    fn said(minimal: bool) -> String {
        let nobody = Nobody;
        let plan = Plan { faults: Vec::new(), ..generate(&nobody, 1, Profile::Calm) };
        let (before, after) = (case(&nobody, plan.clone()), case(&nobody, plan));
        let report = before.run(&RunOptions::default()).expect("it fits");
        size(&before, &Smaller { case: Box::new(after), report, runs: 16, minimal })
    }

    #[test]
    fn what_may_become_smaller_still_says_so() {
        assert_eq!(said(true), "shrunk in 16 runs from 0 faults and 1 item to 0 faults and 1 item\n\n");
        assert!(said(false).trim_end().ends_with(", perhaps not the smallest: there was no time for more"));
    }
}
