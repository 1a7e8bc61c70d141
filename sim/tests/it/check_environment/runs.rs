//! Which seeds run, and what is written about them.

use std::fs;

use seaworthy_sim::explore::Campaign;

use super::checked;

fn campaign(path: &std::path::Path) -> Campaign {
    serde_json::from_str(&fs::read_to_string(path).expect("written"))
        .expect("a report is a campaign, and what it is worth")
}

#[test]
fn a_report_is_written_also_of_what_failed_and_shards_are_parts_of_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let runs = |shard: &str| {
        let file = folder.path().join("report.json");
        let ran = checked(
            folder.path(),
            &[
                ("SEAWORTHY_JSON", "report.json"),
                ("SEAWORTHY_SHARD", shard),
                ("SEAWORTHY_BASE_SEED", "3"),
                ("SEAWORTHY_SEEDS", "101"),
                ("SEAWORTHY_PROFILE", "calm,crash"),
            ],
        );
        assert!(ran.passed, "{}", ran.said);
        let found = campaign(&file);
        (found.runs, found.profiles.len())
    };
    assert_eq!((runs("1/2"), runs("2/2")), ((51, 2), (50, 2)));
    let nowhere = checked(folder.path(), &[("SEAWORTHY_JSON", "no/such/file.json")]);
    assert!(!nowhere.passed && nowhere.said.contains("there is no folder no/such"), "{}", nowhere.said);
    let alone = checked(folder.path(), &[("SEAWORTHY_SHARD", "1/2")]);
    assert!(!alone.passed && alone.said.contains("set SEAWORTHY_BASE_SEED, too"), "{}", alone.said);

    let reports = folder.path().join("reports");
    fs::create_dir(&reports).expect("writable");
    let failing = checked(folder.path(), &[("SEAWORTHY_JSON", "reports"), ("SEAWORTHY_BASE_SEED", "1")]);
    assert!(!failing.passed, "{}", failing.said);
    assert_eq!(campaign(&reports.join("it-deposits.json")).failed, 1, "it ends at the first failure");
}

#[test]
fn a_check_takes_as_long_as_it_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [("SEAWORTHY_FOR", "200ms"), ("SEAWORTHY_PROFILE", "calm"), ("SEAWORTHY_JSON", "report.json")];
    let ran = checked(folder.path(), &variables);
    assert!(ran.passed, "{}", ran.said);
    let found = campaign(&folder.path().join("report.json"));
    assert!(found.runs > 0 && found.timing.wall_us >= 200_000, "{found:?}");
}

#[test]
fn the_trace_of_one_seed_is_printed_with_spans_or_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = [("SEAWORTHY_SEED", "1"), ("SEAWORTHY_PROFILE", "calm")];
    let with = |more: &[(&str, &str)]| checked(folder.path(), &[&seed[..], more].concat());
    let printed = with(&[("SEAWORTHY_TRACE", "1")]);
    assert!(printed.passed && printed.said.contains("booked deposit-1"), "{}", printed.said);
    let with_spans = with(&[("SEAWORTHY_TRACE", "1"), ("SEAWORTHY_SPANS", "1")]);
    assert!(with_spans.passed && with_spans.said.contains("booked deposit-1"), "{}", with_spans.said);
    assert!(with(&[("SEAWORTHY_TRACE", "one.trace")]).passed);
    assert!(fs::read_to_string(folder.path().join("one.trace")).expect("written").contains("booked"));
    let several = checked(
        folder.path(),
        &[("SEAWORTHY_SEED", "1"), ("SEAWORTHY_PROFILE", "calm,crash"), ("SEAWORTHY_TRACE", "one.trace")],
    );
    assert!(!several.passed && several.said.contains("a trace file holds one run"), "{}", several.said);
}
