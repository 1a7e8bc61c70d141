//! What the tool lists and tells, and what it refuses: the database stays as it is.

use rusqlite::Connection;
use seaworthy_order_fulfillment::checkout::CHECKOUT;
use tempfile::TempDir;
use uuid::Uuid;

use super::{Shop, refused};

#[test]
fn what_is_stuck_or_dead_is_counted_listed_and_told() {
    let shop = Shop::new();
    let counts = shop.operate(&["counts"]);
    for line in ["outbox rows dead", "dead letters of orders", "sagas stuck"] {
        let told = counts.lines().find(|told| told.contains(line)).unwrap_or_else(|| panic!("{line}: {counts}"));
        assert!(told.split_whitespace().any(|word| word == "1"), "{told}");
    }
    let stuck = shop.operate(&["stuck"]);
    let key = format!("{CHECKOUT}/{}", shop.key);
    for told in ["1 saga", &shop.stuck.to_string(), &key, "open_order", "used up its attempts: the file system is full"]
    {
        assert!(stuck.contains(told), "{told}: {stuck}");
    }
    let document = shop.document(&["stuck", "--because", "file system"]);
    let saga = &document["sagas"][0];
    assert_eq!((&saga["status"], &saga["waits_for"]["step"]), (&"stuck".into(), &"open_order".into()), "{document}");
    assert_eq!(shop.document(&["stuck", "--reason", "used up"])["sagas"], document["sagas"]);
    assert_eq!(shop.document(&["stuck", "--reason", "weather"])["sagas"], serde_json::json!([]));
    assert_eq!(shop.document(&["stuck", "--definition", CHECKOUT])["sagas"], document["sagas"]);
    for nothing in [
        &["stuck", "--because", "weather"],
        &["stuck", "--definition", "refund"],
        &["sagas", "--status", "running"],
        &["stuck", "--for", "1d"],
    ] {
        assert_eq!(shop.document(nothing)["sagas"], serde_json::json!([]), "{nothing:?}");
    }
    let told = shop.operate(&["show", &key]);
    for line in
        ["the saga is started", "attempt 1 of step `open_order` failed: the file system is full", "the saga is stuck"]
    {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert_eq!(shop.operate(&["show", &shop.stuck.to_string()]), told);
    assert_eq!(shop.document(&["dead-rows"])["dead_rows"][0]["message"], shop.row.id.to_string());
    assert!(shop.operate(&["dead-rows", "--topic", "invoices"]).contains("there is no topic invoices"));
    assert_eq!(shop.document(&["dead-letters"])["dead_letters"][0]["message"], shop.letter.id.to_string());
    assert!(shop.operate(&["dead-letters", "--consumer", "orders"]).contains("it has no amount"));
    for (filter, count) in [("--topic=orders", 1), ("--topic=invoices", 0), ("--key=17", 1), ("--key=18", 0)] {
        let letters = shop.document(&["dead-letters", filter])["dead_letters"].as_array().map(Vec::len);
        assert_eq!(letters, Some(count), "{filter}");
    }
}

#[test]
fn a_file_that_is_not_there_or_is_not_ours_is_refused_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("shop.db");
    let error = refused(&path, &["stuck"]);
    assert!(error.contains("shop.db") && error.contains("there is no such file"), "{error}");
    assert!(!path.exists(), "nothing is created");
    std::fs::write(&path, "not a database, but long enough to look like one to somebody in a hurry".repeat(30))
        .unwrap();
    let error = refused(&path, &["stuck"]);
    assert!(error.contains("is no database of seaworthy"), "{error}");
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = refused(&path, &["stuck", "--migrate"]);
    assert!(error.contains("is no database of seaworthy"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn an_older_file_is_migrated_only_when_the_program_is_told_to() {
    let shop = Shop::new();
    let file = Connection::open(shop.path()).unwrap();
    let known: i64 = file.query_row("SELECT version FROM seaworthy_schema", [], |row| row.get(0)).unwrap();
    // As a file of the release before, as far as opening it goes.
    file.execute("UPDATE seaworthy_schema SET version = ?1", [known - 1]).unwrap();
    let error = shop.refused(&["stuck"]);
    assert!(error.contains(&format!("schema version {}", known - 1)) && error.contains("--migrate"), "{error}");
    let version = || -> i64 { file.query_row("SELECT version FROM seaworthy_schema", [], |row| row.get(0)).unwrap() };
    assert_eq!(version(), known - 1);
    file.execute("UPDATE seaworthy_schema SET version = ?1", [known + 1]).unwrap();
    let error = shop.refused(&["stuck", "--migrate"]);
    assert!(error.contains("deploy a newer program"), "{error}");
}

#[test]
fn what_is_not_there_or_not_meant_is_an_error_that_says_so() {
    let shop = Shop::new();
    let nobody = Uuid::from_u128(99).to_string();
    for (arguments, told) in [
        (&["show", &nobody][..], "there is no saga"),
        (&["show", "checkout/nobody"], "there is no saga of definition checkout and key nobody"),
        (&["show", "nobody"], "write its id, or DEFINITION/KEY"),
        (&["resume", &nobody, "--yes"], "there is no saga"),
        (&["stuck", "--after", "yesterday"], "invalid value 'yesterday'"),
        (&["dead-rows", "--after", "yesterday"], "invalid value 'yesterday'"),
        (&["settle", "checkout/nobody", "pay", "{", "--reason", "by hand"], "an output is JSON"),
        (&["republish-since", "yesterday"], "write a moment such as 2026-11-29T20:15:00Z"),
        (&["republish-since", "2999-01-01T00:00:00Z"], "nothing lies between"),
        (&["stuck", "--limit", "0"], "write a number, 1 or more"),
        (&["stuck", "--for", "long"], "write a duration such as 90s, 2h or 3d"),
        (&["sagas", "--status", "lost"], "write one of running, compensating, stuck"),
        (&["abandon", &nobody, "--yes"], "--reason <TEXT>"),
        (&["resume"], "required"),
    ] {
        let error = shop.refused(arguments);
        assert!(error.contains(told), "{arguments:?}: {error}");
    }
}

/// A saga of anybody's that waits: what for, since when and until when is in its log.
#[test]
fn sagas_that_wait_are_listed_with_what_they_wait_for() {
    let shop = Shop::new();
    let waits = shop.waiting_loan();
    let told = shop.document(&["sagas", "--waiting"]);
    let found = told["sagas"].as_array().expect("a list");
    assert_eq!(found.len(), 1, "the stuck one waits for nobody but people: {told}");
    assert_eq!(found[0]["saga"], waits.to_string());
    assert_eq!(
        (&found[0]["waits_for"]["what"], &found[0]["waits_for"]["step"]),
        (&"signal".into(), &"approval".into())
    );
    assert!(found[0]["waits_for"]["until"].is_string() && found[0]["waits_for"]["since"].is_string(), "{told}");
    assert!(shop.operate(&["sagas", "--waiting", "--because", "approved"]).contains("`approved`, at step `approval`"));
    assert_eq!(shop.document(&["sagas", "--waiting", "--because", "rated"])["sagas"], serde_json::json!([]));
}

#[test]
fn a_list_goes_on_where_its_page_has_ended() {
    let shop = Shop::new();
    let page = shop.document(&["sagas", "--limit", "1"]);
    let next = page["next"].as_u64().expect("there may be more").to_string();
    assert_eq!(shop.document(&["sagas", "--after", &next])["sagas"], serde_json::json!([]));
    assert!(shop.operate(&["sagas", "--limit", "1"]).contains(&format!("there may be more: --after {next}")));
    let page = shop.document(&["dead-rows", "--limit", "1"]);
    let next = page["next"].as_str().expect("there may be more");
    assert_eq!(shop.document(&["dead-rows", "--after", next])["dead_rows"], serde_json::json!([]));
}
