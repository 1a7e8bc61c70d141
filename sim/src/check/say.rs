use std::io::Write;

use crate::{
    explore::{Breadcrumbs, Campaign, FailedRun},
    teller,
};

/// Prints what a check that passed is worth. The test harness holds back what a passing test prints by `println!`, and this
/// is what one wants to see of it: so it is written to standard error by hand.
pub(super) fn passed(campaign: &Campaign, table: bool) {
    let text = if campaign.profiles.is_empty() && campaign.exhausted.is_none() {
        // Drawn by no profile: it is the one plan that was asked for, and says nothing about any other.
        format!("{}: the plan held\n", campaign.scenario)
    } else if table {
        format!("{campaign}\n")
    } else {
        short(campaign)
    };
    // In one go, because other tests print, too; a closed pipe is no reason to fail.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Prints what was found, before its plan is shrunk.
pub(super) fn found(failure: &FailedRun) {
    let _ = std::io::stderr().lock().write_all(format!("{}\n", teller::found(failure)).as_bytes());
}

/// Prints what programs left that died while runs were under way, if any did.
pub(super) fn left(left: &[String]) {
    if let Some(words) = Breadcrumbs::words(left) {
        let _ = std::io::stderr().lock().write_all(format!("warning: {words}").as_bytes());
    }
}

/// The warnings, those with the same excuse in one line, and last what the campaign is worth.
fn short(campaign: &Campaign) -> String {
    let mut text = String::new();
    let mut excused: Vec<(String, Vec<String>)> = Vec::new();
    let verdict = campaign.verdict();
    for warning in verdict.warnings {
        match warning.excuse {
            None => text.push_str(&format!("warning: {}\n", warning.gap)),
            Some(excuse) => {
                let (excuse, gap) = (excuse.to_string(), warning.gap.to_string());
                match excused.iter_mut().find(|(known, _)| *known == excuse) {
                    Some((_, gaps)) => gaps.push(gap),
                    None => excused.push((excuse, vec![gap])),
                }
            }
        }
    }
    for (excuse, gaps) in excused {
        text.push_str(&format!("warning: {excuse}: {}\n", gaps.join("; ")));
    }
    if !verdict.left_out.is_empty() {
        let left_out: Vec<String> = verdict.left_out.iter().map(ToString::to_string).collect();
        text.push_str(&format!("not asked for: {}\n", left_out.join("; ")));
    }
    text.push_str(&campaign.line());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use seaworthy_core::ports::Operation;

    use super::*;
    use crate::plan::{FaultKind, Profile};

    #[test]
    fn warnings_are_shown_without_failing_and_the_last_line_is_what_it_is_worth() {
        let mut campaign = Campaign::new(
            "orders",
            vec![Profile::Swarm],
            Some(1),
            [FaultKind::Delay, FaultKind::DropAck, FaultKind::Reject],
        );
        campaign.calls.insert(Operation::Ack, 9);
        campaign.runs = 200;
        campaign.twice.plans = 7;
        assert!(campaign.verdict().passes(true));
        assert_eq!(
            short(&campaign),
            "warning: few runs: it may come up in more: fault delay is enabled and in none of the plans; fault drop_ack \
             is enabled and in none of the plans\n\
             not asked for: fault reject (no run made a call that it strikes (publish, external))\n\
             orders: 200 runs held (7 run twice); a plan drawn like these fails with a probability of at most 1.487 % \
             (95%)\n"
        );
    }
}
