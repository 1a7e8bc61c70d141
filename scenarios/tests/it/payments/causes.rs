//! What went wrong, bug by bug, as rows of a story say it: what a run of the right service never says.

/// A bug, the invariants of which one finds it, and whether rows, in their order, show its cause.
pub(super) struct Found {
    pub(super) bug: &'static str,
    pub(super) invariants: &'static [&'static str],
    pub(super) cause: fn(&[String]) -> bool,
}

/// In the order of [`bugs::all`](seaworthy_scenarios::payments::bugs::all).
pub(super) const FOUND: [Found; 10] = [
    Found { bug: "mark-then-publish", invariants: &["lost-event"], cause: marked_before_published },
    Found { bug: "outbox-row-apart", invariants: &["conserved"], cause: paid_without_an_outbox_row },
    Found {
        bug: "acknowledge-first",
        invariants: &["acknowledged-before-handled", "lost-event"],
        cause: acknowledged_before_booked,
    },
    Found { bug: "effect-then-mark", invariants: &["duplicate-effect"], cause: booked_twice_without_a_mark },
    Found { bug: "batch-result-ignored", invariants: &["lost-event"], cause: marked_though_refused },
    Found { bug: "fresh-id-per-attempt", invariants: &["phantom-event"], cause: published_under_another_id },
    Found { bug: "check-then-insert", invariants: &["duplicate-effect"], cause: both_looked_before_either_inserted },
    Found {
        bug: "second-begin",
        invariants: &["no-row-stuck", "request-unanswered", "message-unhandled", "stuck"],
        cause: waits_for_itself,
    },
    Found { bug: "panic-on-payload", invariants: &["panic"], cause: panics_between_delivery_and_commit },
    Found { bug: "lock-without-lease", invariants: &["lock-stranded"], cause: died_with_the_lock_for_good },
];

/// Where the first of the rows is that say all these words.
fn find(rows: &[String], words: &[&str]) -> Option<usize> {
    rows.iter().position(|row| words.iter().all(|word| row.contains(word)))
}

/// The names of all messages that rows stage.
fn staged(rows: &[String]) -> impl Iterator<Item = &str> {
    rows.iter().flat_map(|row| row.split("stages ").skip(1)).filter_map(|rest| rest.split(' ').next())
}

/// A refused publish tells how; one that went well says no more.
fn is_refused(row: &str) -> bool {
    row.contains(" = ")
}

fn publish(message: &str) -> String {
    format!("publish {message} ")
}

fn dispatched(message: &str) -> String {
    format!("{message} is dispatched")
}

/// The row is marked as sent, and nothing was published by then; and then the broker refuses, or the process dies.
fn marked_before_published(rows: &[String]) -> bool {
    staged(rows).any(|message| {
        let Some(marked) = find(rows, &["commit", &dispatched(message)]) else { return false };
        let (before, after) = rows.split_at(marked);
        let is_kept_from_it =
            |row: &String| row.contains("crashes") || row.contains(&publish(message)) && is_refused(row);
        find(before, &[&publish(message)]).is_none() && after.iter().any(is_kept_from_it)
    })
}

/// The commit that makes the payment holds no message.
fn paid_without_an_outbox_row(rows: &[String]) -> bool {
    rows.iter().any(|row| row.contains("commit") && row.contains("inserts payments") && !row.contains("stages m"))
}

/// The broker is told before anything is booked.
fn acknowledged_before_booked(rows: &[String]) -> bool {
    staged(rows).any(|message| {
        let Some(acknowledged) = find(rows, &[&format!("ack {message} by ledger")]) else { return false };
        let before = &rows[..acknowledged];
        // Neither marked nor booked: who books without a mark makes another mistake.
        find(before, &["commit", &format!("ledger handles {message};")]).is_none()
            && find(before, &["commit", "bookings number="]).is_none()
    })
}

/// Two bookings, and neither is in one commit with the mark that should keep the second away.
fn booked_twice_without_a_mark(rows: &[String]) -> bool {
    let is_without_mark = |row: &&String| row.contains("commit") && !row.contains("ledger handles");
    let bookings = rows.iter().filter(is_without_mark).filter_map(|row| row.split("bookings number=").nth(1));
    let payments: Vec<&str> = bookings.filter_map(|booking| booking.split(' ').nth(1)).collect();
    payments.iter().enumerate().any(|(index, payment)| payments[..index].contains(payment))
}

/// The broker says no, and the row is marked as sent with no yes between.
fn marked_though_refused(rows: &[String]) -> bool {
    staged(rows).any(|message| {
        let Some(marked) = find(rows, &["commit", &dispatched(message)]) else { return false };
        let mut published = rows[..marked].iter().filter(|row| row.contains(&publish(message))).peekable();
        published.peek().is_some() && published.all(|row| is_refused(row))
    })
}

/// What is published is none of the messages that were staged, though it is about the same payment.
fn published_under_another_id(rows: &[String]) -> bool {
    let published = rows.iter().filter_map(|row| row.split("publish ").nth(1)?.split(' ').next());
    let mut others = published.filter(|published| staged(rows).all(|staged| staged != *published));
    staged(rows).next().is_some() && others.next().is_some()
}

/// Two look whether the payment is there, and only then both insert it.
fn both_looked_before_either_inserted(rows: &[String]) -> bool {
    let inserted = |row: &String| {
        let (_, payment) = row.split_once("inserts payments id=").filter(|_| row.contains("commit"))?;
        payment.split(' ').next().map(str::to_owned)
    };
    let inserted: Vec<Option<String>> = rows.iter().map(inserted).collect();
    inserted.iter().enumerate().any(|(first, payment)| {
        let looked = rows[..first].iter().filter(|row| row.contains("statement look for payment")).count();
        payment.is_some() && looked >= 2 && inserted[first + 1..].contains(payment)
    })
}

/// With the transaction open in which it remembers a message, a task waits for a second one, and waits in vain.
fn waits_for_itself(rows: &[String]) -> bool {
    let Some(waits) = find(rows, &["begin never returned", " while its own task holds t"]) else { return false };
    let open = rows[waits].split("holds ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let remembers = find(rows, &[&format!("{open} statement remember message")]);
    remembers.is_some() && find(rows, &[&format!("commit {open} ")]).is_none()
}

/// The message comes, and the process dies of it before it has booked it.
fn panics_between_delivery_and_commit(rows: &[String]) -> bool {
    let Some(panics) = find(rows, &["panics", "char boundary"]) else { return false };
    staged(rows).any(|message| {
        find(&rows[..panics], &[&format!("deliver {message} to ledger")]).is_some()
            && find(&rows[..panics], &[&format!("ledger handles {message}")]).is_none()
    })
}

/// Who has taken the lock dies, and nobody has it after that.
fn died_with_the_lock_for_good(rows: &[String]) -> bool {
    // One with a lease is not held: it ends by itself.
    let taken = &["commit", "updates locks name=poller: owner=", "lock poller of locks is held"];
    let (Some(has), Some(crashes)) = (find(rows, taken), find(rows, &["crashes"])) else { return false };
    has < crashes && find(&rows[crashes..], taken).is_none()
}
