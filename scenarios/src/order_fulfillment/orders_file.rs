//! Orders from a file: real ones, with their dates.

use std::{collections::BTreeMap, path::Path};

use jiff::{Timestamp, civil, tz::TimeZone};
use smol_str::format_smolstr;

use super::{Order, Orders};

/// Articles that the orders are spread over; the file does not name any.
const ARTICLES: u64 = 50;
/// Of 100 units that will be asked for, how many are in stock: towards the end some orders find none left.
const STOCKED_PERCENT: u64 = 99;
const DAY_MS: u64 = 86_400_000;
const COLUMNS: [&str; 4] = ["date", "customer", "quantity", "amount_usd"];

/// Why a file of orders can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OrdersFileError {
    /// It can't be read.
    #[error("can't read orders from {path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        why: String,
    },
    /// A row is not an order.
    #[error("{path}, line {line}: {why}")]
    Row {
        /// The file.
        path: String,
        /// The line, from 1; the header is line 1.
        line: u64,
        /// What is wrong and what is expected.
        why: String,
    },
    /// It holds a header and nothing else.
    #[error("{path} holds no orders: add rows below the header {}", COLUMNS.join(","))]
    Empty {
        /// The file.
        path: String,
    },
}

/// Reads orders from a CSV file with the columns `date,customer,quantity,amount_usd`, sorted by date.
///
/// Virtual time starts with the day of the first order. A date may have a time (`2011-01-18 10:01:05`, or with `T`, with
/// a fraction, or with an offset; UTC if it has none): the order comes at that time, and the rows are sorted by it. Dates
/// without a time are days: the orders of a day are spread over it evenly, in the sequence of the file. A file has one or
/// the other. Articles are dealt out by line number.
///
/// # Errors
/// [`OrdersFileError`] with the number of the first line that is wrong.
pub fn read_orders(path: &Path) -> Result<Orders, OrdersFileError> {
    let name = path.display().to_string();
    let text = std::fs::read(path)
        .map_err(|error| OrdersFileError::Unreadable { path: name.clone(), why: error.to_string() })?;
    parse_orders(&name, &text)
}

/// Reads orders from the text of a CSV file; `name` stands for the file in errors.
///
/// # Errors
/// As for [`read_orders`].
pub fn parse_orders(name: &str, text: &[u8]) -> Result<Orders, OrdersFileError> {
    // Spreadsheets like to begin with a mark for the byte order.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let wrong = |at: Option<&csv::Position>, why: String| OrdersFileError::Row {
        path: name.to_owned(),
        line: at.map_or(1, |at| line_of(text, at)),
        why,
    };
    let broken = |error: csv::Error| {
        let why = match error.kind() {
            csv::ErrorKind::UnequalLengths { len, .. } => format!("{len} fields; expected {}", COLUMNS.join(",")),
            csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
            _ => error.to_string(),
        };
        wrong(error.position(), why)
    };
    let mut reader = csv::Reader::from_reader(text);
    let header = reader.headers().map_err(broken)?;
    if !header.iter().eq(COLUMNS) {
        let found = header.iter().collect::<Vec<_>>().join(",");
        return Err(wrong(header.position(), format!("header {found:?}; expected {:?}", COLUMNS.join(","))));
    }
    let mut orders: Vec<Order> = Vec::new();
    let mut first = None;
    let mut above_ms = 0;
    let mut stock = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let Row { date, has_time, customer, quantity, amount_cents } =
            order_of(&row).map_err(|why| wrong(row.position(), why))?;
        let (midnight, with_times) = *first.get_or_insert((midnight_of(date), has_time));
        if has_time != with_times {
            let why = if with_times {
                format!("date {:?} has no time, the rows above have one: give all rows a time, or none", &row[0])
            } else {
                format!("date {:?} has a time, the rows above have none: give all rows a time, or none", &row[0])
            };
            return Err(wrong(row.position(), why));
        }
        let since_first = date.as_millisecond() - midnight.as_millisecond();
        let Some(at_ms) = u64::try_from(since_first).ok().filter(|at_ms| *at_ms >= above_ms) else {
            let why = format!("date {} lies before the row above: sort the file by date", &row[0]);
            return Err(wrong(row.position(), why));
        };
        above_ms = at_ms;
        let number = orders.len() as u64 + 1;
        let sku = format_smolstr!("cd-{}", number % ARTICLES + 1);
        *stock.entry(sku.clone()).or_insert(0) += u64::from(quantity);
        orders.push(Order {
            at_ms,
            id: format_smolstr!("order-{number}"),
            sku,
            quantity,
            amount_cents,
            customer,
            cancel_after_ms: None,
        });
    }
    if let Some((_, false)) = first {
        orders.chunk_by_mut(|one, next| one.at_ms == next.at_ms).for_each(spread);
    }
    if orders.is_empty() {
        return Err(OrdersFileError::Empty { path: name.to_owned() });
    }
    stock.values_mut().for_each(|units| *units = (*units * STOCKED_PERCENT).div_ceil(100));
    Ok(Orders { stock, orders })
}

/// The line of a record, as an editor counts. The reader's own count stops where the record before ended: before the
/// second half of a line end of two bytes, and before lines that it skips because they are empty.
fn line_of(text: &[u8], at: &csv::Position) -> u64 {
    let from = usize::try_from(at.byte()).map_or(text.len(), |byte| byte.min(text.len()));
    let skipped = text[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let before = &text[..from + skipped];
    let is_end =
        |(index, byte): (usize, &u8)| *byte == b'\n' || *byte == b'\r' && before.get(index + 1) != Some(&b'\n');
    1 + before.iter().enumerate().filter(|end| is_end(*end)).count() as u64
}

/// What a row says.
struct Row {
    date: Timestamp,
    has_time: bool,
    customer: u64,
    quantity: u32,
    amount_cents: u64,
}

fn order_of(row: &csv::StringRecord) -> Result<Row, String> {
    let (date, has_time) =
        moment(&row[0]).ok_or_else(|| format!("date {:?}; expected YYYY-MM-DD, or YYYY-MM-DD HH:MM:SS", &row[0]))?;
    let customer =
        whole(&row[1]).ok_or_else(|| format!("customer {:?}; expected a whole number up to {}", &row[1], u64::MAX))?;
    let quantity =
        whole(&row[2]).and_then(|quantity| u32::try_from(quantity).ok()).filter(|quantity| *quantity > 0).ok_or_else(
            || format!("quantity {:?}; expected a whole number from 1 to {}: leave out returns", &row[2], u32::MAX),
        )?;
    let amount_cents =
        cents(&row[3]).ok_or_else(|| format!("amount_usd {:?}; expected dollars with up to two decimals", &row[3]))?;
    Ok(Row { date, has_time, customer, quantity, amount_cents })
}

/// The moment of a date, and whether it has a time. One without an offset is taken as UTC.
fn moment(text: &str) -> Option<(Timestamp, bool)> {
    // No date has a colon.
    let has_time = text.contains(':');
    if has_time && let Ok(moment) = text.parse() {
        return Some((moment, true));
    }
    let civil: civil::DateTime = if has_time { text.parse().ok()? } else { text.parse::<civil::Date>().ok()?.into() };
    // A date with anything behind it that is no time, as an hour alone, is not a day.
    if !has_time && text.contains(['T', 't', ' ']) {
        return None;
    }
    Some((civil.to_zoned(TimeZone::UTC).ok()?.timestamp(), has_time))
}

/// The beginning of a moment's day.
fn midnight_of(moment: Timestamp) -> Timestamp {
    let day = moment.to_zoned(TimeZone::UTC).date();
    day.to_zoned(TimeZone::UTC).map_or(moment, |midnight| midnight.timestamp())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A whole number, also one with commas between its thousands, as spreadsheets write it: `80,995`.
fn whole(text: &str) -> Option<u64> {
    let mut groups = text.split(',');
    let first = groups.next().filter(|first| is_digits(first))?;
    if text.len() > first.len() && first.len() > 3 {
        return None;
    }
    let mut digits = first.to_owned();
    for group in groups {
        if group.len() != 3 || !is_digits(group) {
            return None;
        }
        digits.push_str(group);
    }
    digits.parse().ok()
}

/// Dollars as cents, without the detour over a float.
fn cents(dollars: &str) -> Option<u64> {
    let (dollars, fraction) = dollars.split_once('.').unwrap_or((dollars, "0"));
    if !is_digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<2}").parse().ok()?;
    whole(dollars)?.checked_mul(100)?.checked_add(fraction)
}

/// Spreads orders of one day over it.
fn spread(day: &mut [Order]) {
    let step = DAY_MS / (day.len() as u64).max(1);
    for (order, position) in day.iter_mut().zip(0..) {
        order.at_ms += position * step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (
                "1997-01-01 10:00:00,1,1,1.00",
                "line 3: date \"1997-01-01 10:00:00\" has a time, the rows above have none",
            ),
            ("1996-12-31,1,1,1.00", "line 3: date 1996-12-31 lies before the row above"),
            ("1997-01-01,-1,1,1.00", "line 3: customer \"-1\"; expected a whole number"),
            ("1997-01-01,+1,1,1.00", "line 3: customer \"+1\"; expected a whole number"),
            ("1997-01-01,18446744073709551616,1,1.00", "expected a whole number up to 18446744073709551615"),
            ("1997-01-01,1,0,1.00", "line 3: quantity \"0\"; expected a whole number from 1 to 4294967295"),
            (
                "1997-01-01,1,-12,1.00",
                "line 3: quantity \"-12\"; expected a whole number from 1 to 4294967295: leave out",
            ),
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
        let orders = parse_orders("orders.csv", include_bytes!("../../data/orders.csv")).expect("the shipped file");
        assert_eq!(orders.orders.len(), 69_659);
        assert_eq!(orders.orders.iter().map(|order| u64::from(order.quantity)).sum::<u64>(), 167_881);
        assert_eq!(orders.orders.iter().filter(|order| order.amount_cents == 0).count(), 80);
        assert!(orders.orders.is_sorted_by_key(|order| order.at_ms));
    }
}
