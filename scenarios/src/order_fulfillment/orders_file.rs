//! Orders from a file: real ones, with their dates.

use std::{collections::BTreeMap, path::Path};

use jiff::{Timestamp, civil, tz::TimeZone};
use smol_str::format_smolstr;

use super::{Orders, PlannedOrder};

/// Articles that the orders are spread over; the file does not name any.
const ARTICLES: u64 = 50;
/// Of 100 units that will be asked for, how many are in stock: towards the end some orders find none left.
const STOCKED_PERCENT: u64 = 99;
const DAY_MS: u64 = 86_400_000;
const COLUMNS: [&str; 4] = ["date", "customer", "quantity", "amount_usd"];

/// Error of a file of orders that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrdersFileError {
    /// It can't be read.
    #[error("can't read orders from {path}: {why}")]
    Unreadable {
        /// Path of the file.
        path: String,
        /// Error of the operating system.
        why: String,
    },
    /// A row is not an order.
    #[error("{path}, line {line}: {why}")]
    Row {
        /// Path of the file.
        path: String,
        /// The line, from 1; the header is line 1.
        line: u64,
        /// Description of what is wrong and what is expected.
        why: String,
    },
    /// It holds a header and nothing else.
    #[error("{path} holds no orders: add rows below the header {}", COLUMNS.join(","))]
    Empty {
        /// Path of the file.
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
    let mut orders: Vec<PlannedOrder> = Vec::new();
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
        orders.push(PlannedOrder {
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

/// Row of the file.
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
fn spread(day: &mut [PlannedOrder]) {
    let step = DAY_MS / (day.len() as u64).max(1);
    for (order, position) in day.iter_mut().zip(0..) {
        order.at_ms += position * step;
    }
}
