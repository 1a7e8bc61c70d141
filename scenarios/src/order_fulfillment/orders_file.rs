//! Orders from a file: real ones, with their dates.

use std::{collections::BTreeMap, path::Path};

use jiff::civil::Date;
use smol_str::format_smolstr;

use super::{Order, Orders};

/// Articles that the orders are spread over; the file does not name any.
const ARTICLES: u64 = 50;
/// Of 100 units that will be asked for, how many are in stock: towards the end some orders find none left.
const STOCKED_PERCENT: u64 = 99;
const DAY_MS: u64 = 86_400_000;
const COLUMNS: [&str; 4] = ["date", "customer", "quantity", "amount_usd"];
/// The largest quantity that a row may have: the largest of the real ones.
const QUANTITY_MAX: u32 = 99;

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
/// Virtual time starts with the day of the first order. The orders of a day are spread over it evenly, in the sequence
/// of the file. Articles are dealt out by line number.
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
    let mut first_of_day = 0;
    let mut first_day = None;
    let mut day_before = 0;
    let mut stock = BTreeMap::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let (date, customer, quantity, amount_cents) = order_of(&row).map_err(|why| wrong(row.position(), why))?;
        let since_first = (date - *first_day.get_or_insert(date)).get_days();
        let Some(day) = u64::try_from(since_first).ok().filter(|day| *day >= day_before) else {
            let why = format!("date {date} lies before the row above: sort the file by date");
            return Err(wrong(row.position(), why));
        };
        if day > day_before {
            spread(&mut orders[first_of_day..]);
            first_of_day = orders.len();
            day_before = day;
        }
        let number = orders.len() as u64 + 1;
        let sku = format_smolstr!("cd-{}", number % ARTICLES + 1);
        *stock.entry(sku.clone()).or_insert(0) += u64::from(quantity);
        orders.push(Order {
            at_ms: day * DAY_MS,
            id: format_smolstr!("order-{number}"),
            sku,
            quantity,
            amount_cents,
            customer,
            cancel_after_ms: None,
        });
    }
    spread(&mut orders[first_of_day..]);
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

/// Date, customer, quantity and cents of a row.
fn order_of(row: &csv::StringRecord) -> Result<(Date, u32, u32, u64), String> {
    let date: Date = row[0].parse().map_err(|_| format!("date {:?}; expected YYYY-MM-DD", &row[0]))?;
    let customer = row[1].parse().map_err(|_| format!("customer {:?}; expected a whole number", &row[1]))?;
    let quantity = row[2]
        .parse()
        .ok()
        .filter(|quantity| (1..=QUANTITY_MAX).contains(quantity))
        .ok_or_else(|| format!("quantity {:?}; expected 1 to {QUANTITY_MAX}", &row[2]))?;
    let amount_cents =
        cents(&row[3]).ok_or_else(|| format!("amount_usd {:?}; expected dollars with up to two decimals", &row[3]))?;
    Ok((date, customer, quantity, amount_cents))
}

/// Dollars as cents, without the detour over a float.
fn cents(dollars: &str) -> Option<u64> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = dollars.split_once('.').unwrap_or((dollars, "0"));
    if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<2}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(fraction)
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
    fn a_wrong_row_is_named_by_its_line_and_says_what_is_expected() {
        let good = "1997-01-01,1,1,11.77\n";
        for (row, expected) in [
            ("1997-13-01,1,1,1.00", "line 3: date \"1997-13-01\"; expected YYYY-MM-DD"),
            ("1996-12-31,1,1,1.00", "line 3: date 1996-12-31 lies before the row above"),
            ("1997-01-01,-1,1,1.00", "line 3: customer \"-1\"; expected a whole number"),
            ("1997-01-01,1,0,1.00", "line 3: quantity \"0\"; expected 1 to 99"),
            ("1997-01-01,1,100,1.00", "line 3: quantity \"100\"; expected 1 to 99"),
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
