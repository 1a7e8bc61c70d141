//! The service's tables.

/// Tables of the service. Nothing but [`CONSTRAINTS`] keeps a second row of a payment out.
pub(super) const TABLES: &str = "
    CREATE TABLE payments (
        id      TEXT    NOT NULL,
        account TEXT    NOT NULL,
        cents   INTEGER NOT NULL,
        paid_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE outbox (
        seq        INTEGER PRIMARY KEY AUTOINCREMENT,
        message_id TEXT    NOT NULL,
        account    TEXT    NOT NULL,
        payment_id TEXT    NOT NULL,
        cents      INTEGER NOT NULL,
        body       BLOB    NOT NULL,
        sent_at    INTEGER,
        failed     TEXT
    ) STRICT;
    CREATE INDEX outbox_due ON outbox (account, seq) WHERE sent_at IS NULL AND failed IS NULL;
    CREATE TABLE processed_messages (
        message_id   TEXT    PRIMARY KEY,
        processed_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE bookings (
        number     INTEGER PRIMARY KEY AUTOINCREMENT,
        payment_id TEXT    NOT NULL,
        cents      INTEGER NOT NULL,
        initial    TEXT    NOT NULL
    ) STRICT;
    CREATE TABLE accounts (
        id    TEXT    PRIMARY KEY,
        cents INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE locks (
        name        TEXT PRIMARY KEY,
        owner       TEXT,
        lease_until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO locks VALUES ('poller', NULL, 0);";

/// Each payment is one row, however often it is asked for.
pub(super) const CONSTRAINTS: &str = "CREATE UNIQUE INDEX payments_once ON payments (id);";
