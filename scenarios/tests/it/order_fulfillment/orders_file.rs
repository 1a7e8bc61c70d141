//! Orders read from a file.

use seaworthy_scenarios::order_fulfillment::{Orders, orders_file::parse_orders};

const DAY_MS: u64 = 86_400_000;

fn parse(rows: &str) -> Result<Orders, String> {
    let text = format!("date,customer,quantity,amount_usd\n{rows}");
    parse_orders("orders.csv", text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn orders_of_a_day_are_spread_over_it_in_the_sequence_of_the_file() {
    let orders = parse("1997-01-01,1,1,11.77\n1997-01-03,4,2,29.3\n1997-01-03,4,99,0.00\n").expect("good rows");
    let at: Vec<u64> = orders.orders.iter().map(|order| order.at_ms).collect();
    assert_eq!(at, [0, 2 * DAY_MS, 2 * DAY_MS + DAY_MS / 2]);
    let cents: Vec<u64> = orders.orders.iter().map(|order| order.amount_cents).collect();
    assert_eq!(cents, [1_177, 2_930, 0], "one decimal means tens of cents; nothing is a price too");
}

#[test]
fn time_starts_with_the_first_order_in_whatever_year_it_was() {
    for year in ["1969", "1997", "2026"] {
        let orders = parse(&format!("{year}-12-30,1,1,1.00\n{year}-12-31,1,1,1.00\n")).expect("good rows");
        assert_eq!(orders.orders.iter().map(|order| order.at_ms).collect::<Vec<_>>(), [0, DAY_MS], "{year}");
    }
}

#[test]
fn orders_with_a_time_come_at_their_time() {
    let rows = "2011-01-18 10:01:00,17850,1,1.00\n2011-01-18T10:01:00.250,17850,1,1.00\n\
                2011-01-18 11:30:00+01:00,1,1,1.00\n2011-01-19T00:00:00Z,1,1,1.00\n";
    let orders = parse(rows).expect("good rows");
    let at: Vec<u64> = orders.orders.iter().map(|order| order.at_ms).collect();
    let minute = 60_000;
    assert_eq!(at, [601 * minute, 601 * minute + 250, 630 * minute, DAY_MS], "since the midnight before the first");
}

#[test]
fn times_that_go_backwards_and_rows_without_one_are_refused_by_their_line() {
    let good = "2011-01-18 10:01:00,1,1,1.00\n";
    let error = parse(&format!("{good}2011-01-18 10:00:59,1,1,1.00\n")).expect_err("a second earlier");
    assert!(error.contains("line 3: date 2011-01-18 10:00:59 lies before the row above"), "{error}");
    let error = parse(&format!("{good}{good}2011-01-19,1,1,1.00\n")).expect_err("no time");
    assert!(error.contains("line 4: date \"2011-01-19\" has no time, the rows above have one"), "{error}");
}

#[test]
fn quantities_and_customers_are_taken_as_they_occur() {
    let rows = "2011-01-18,18446744073709551615,80995,1.00\n2011-01-18,1,\"80,995\",\"77,183.60\"\n\
                2011-01-18,1,432,1.00\n";
    let orders = parse(rows).expect("good rows").orders;
    assert_eq!(orders.iter().map(|order| order.quantity).collect::<Vec<_>>(), [80_995, 80_995, 432]);
    assert_eq!((orders[0].customer, orders[1].amount_cents), (u64::MAX, 7_718_360));
}

#[test]
fn a_wrong_row_is_named_by_its_line_and_says_what_is_expected() {
    let good = "1997-01-01,1,1,11.77\n";
    for (row, expected) in [
        ("1997-13-01,1,1,1.00", "line 3: date \"1997-13-01\"; expected YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS"),
        ("1997-01-01T10,1,1,1.00", "line 3: date \"1997-01-01T10\"; expected YYYY-MM-DD"),
        ("1997-01-01 25:00:00,1,1,1.00", "line 3: date \"1997-01-01 25:00:00\"; expected YYYY-MM-DD"),
        ("1997-01-01 10:00:00,1,1,1.00", "line 3: date \"1997-01-01 10:00:00\" has a time, the rows above have none"),
        ("1996-12-31,1,1,1.00", "line 3: date 1996-12-31 lies before the row above"),
        ("1997-01-01,-1,1,1.00", "line 3: customer \"-1\"; expected a whole number"),
        ("1997-01-01,+1,1,1.00", "line 3: customer \"+1\"; expected a whole number"),
        ("1997-01-01,18446744073709551616,1,1.00", "expected a whole number up to 18446744073709551615"),
        ("1997-01-01,1,0,1.00", "line 3: quantity \"0\"; expected a whole number from 1 to 4294967295"),
        ("1997-01-01,1,-12,1.00", "line 3: quantity \"-12\"; expected a whole number from 1 to 4294967295: leave out"),
        (
            "1997-01-01,1,4294967296,1.00",
            "line 3: quantity \"4294967296\"; expected a whole number from 1 to 4294967295",
        ),
        ("1997-01-01,1,\"80,99\",1.00", "line 3: quantity \"80,99\"; expected a whole number"),
        ("1997-01-01,1,\"8099,500\",1.00", "line 3: quantity \"8099,500\"; expected a whole number"),
        ("1997-01-01,1,1,1.005", "line 3: amount_usd \"1.005\"; expected dollars"),
        ("1997-01-01,1,1,", "line 3: amount_usd \"\"; expected dollars"),
        ("1997-01-01,1,1,-3.00", "line 3: amount_usd \"-3.00\"; expected dollars"),
        ("1997-01-01,1,1,99999999999999999999", "line 3: amount_usd"),
        ("1997-01-01,1,1", "line 3: 3 fields; expected date,customer,quantity,amount_usd"),
    ] {
        let error = parse(&format!("{good}{row}\n")).expect_err(row);
        assert!(error.contains(expected), "{error:?} should say {expected:?}");
    }
}

#[test]
fn the_line_is_the_one_that_an_editor_shows_whatever_the_line_ends_and_wherever_lines_are_empty() {
    let line = |text: &str| parse_orders("x.csv", text.as_bytes()).expect_err("the last row").to_string();
    let (header, good, bad) = ("date,customer,quantity,amount_usd", "1997-01-01,1,1,1.00", "1997-01-01,1,x,1.00");
    for end in ["\n", "\r\n", "\r"] {
        for (rows, expected) in [
            (vec![header, good, bad], "line 3: quantity"),
            (vec!["", "", header, good, "", "", good, bad], "line 8: quantity"),
            (vec!["", header, "", bad], "line 4: quantity"),
            (vec![header, good, "", "1997-01-01,1"], "line 4: 2 fields"),
            (vec![header, good, "", "1996-01-01,1,1,1.00"], "line 4: date 1996-01-01 lies before"),
            (vec!["", "a,b"], "line 2: header"),
            (vec![header, "1997-01-01,\"1\n\n2\",1,1.00"], "line 2: customer"),
        ] {
            for mark in ["", "\u{feff}"] {
                let text = format!("{mark}{}{end}", rows.join(end));
                assert!(line(&text).contains(expected), "{text:?}: {}", line(&text));
            }
        }
    }
}

#[test]
fn rows_out_of_sequence_are_refused() {
    let error = parse("1997-01-02,1,1,1.00\n1997-01-01,1,1,1.00\n").expect_err("the second day comes first");
    assert!(error.contains("line 3: date 1997-01-01 lies before the row above"), "{error}");
}

#[test]
fn a_file_without_orders_or_with_another_header_is_refused() {
    assert!(parse("").expect_err("no rows").contains("holds no orders"));
    let error = parse_orders("x.csv", b"a,b\n").expect_err("another header").to_string();
    assert!(error.contains("x.csv, line 1: header \"a,b\"; expected"), "{error}");
}

#[test]
fn the_shipped_file_is_read_whole() {
    let orders = parse_orders("orders.csv", include_bytes!("../../../data/orders.csv")).expect("the shipped file");
    assert_eq!(orders.orders.len(), 69_659);
    assert_eq!(orders.orders.iter().map(|order| u64::from(order.quantity)).sum::<u64>(), 167_881);
    assert_eq!(orders.orders.iter().filter(|order| order.amount_cents == 0).count(), 80);
    assert!(orders.orders.is_sorted_by_key(|order| order.at_ms));
}
