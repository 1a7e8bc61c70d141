-- Times are microseconds since the Unix epoch, by the store's clock. Ids are UUIDs as text.

CREATE TABLE seaworthy_documents (
    collection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    body       BLOB    NOT NULL,
    PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;

-- The first five columns after the sequence are those of the Debezium outbox event router.
-- AUTOINCREMENT, because a sequence that came again after a purge would look like an old message to an inbox.
CREATE TABLE seaworthy_outbox (
    sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT    NOT NULL UNIQUE,
    aggregatetype  TEXT    NOT NULL,
    aggregateid    TEXT    NOT NULL,
    type           TEXT    NOT NULL,
    payload        BLOB    NOT NULL,
    source         TEXT    NOT NULL,
    time           INTEGER NOT NULL,
    content_type   TEXT    NOT NULL,
    partition_key  TEXT    NOT NULL,
    correlation_id TEXT    NOT NULL,
    causation_id   TEXT,
    traceparent    TEXT,
    -- 0 pending, 1 claimed, 2 dispatched, 3 dead
    state          INTEGER NOT NULL DEFAULT 0,
    -- 1 for the earliest pending or claimed row of its key: the only one that a relay in key order may take
    head           INTEGER NOT NULL,
    attempts       INTEGER NOT NULL DEFAULT 0,
    -- pending: when it may be claimed, 0 for at once, whatever the clock says; claimed: when the lease ends
    available_at   INTEGER NOT NULL DEFAULT 0,
    claim_token    TEXT,
    last_error     TEXT,
    settled_at     INTEGER
) STRICT;
-- What a relay may have to take, in the order in which it takes it.
CREATE INDEX seaworthy_outbox_due ON seaworthy_outbox (head, available_at, sequence) WHERE state < 2;
-- What stands in the way of a key.
CREATE INDEX seaworthy_outbox_key ON seaworthy_outbox (partition_key, state, sequence) WHERE state <> 2;
CREATE INDEX seaworthy_outbox_dead ON seaworthy_outbox (settled_at, sequence) WHERE state = 3;
CREATE INDEX seaworthy_outbox_dispatched ON seaworthy_outbox (settled_at) WHERE state = 2;

CREATE TABLE seaworthy_inbox (
    consumer   TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    sequence   INTEGER NOT NULL,
    -- 0 failed so far, 1 handled, 2 dead
    state      INTEGER NOT NULL,
    failures   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    at         INTEGER NOT NULL,
    PRIMARY KEY (consumer, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX seaworthy_inbox_handled ON seaworthy_inbox (consumer, at) WHERE state = 1;

CREATE TABLE seaworthy_watermarks (
    consumer TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (consumer, source, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE seaworthy_dead_letters (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    consumer       TEXT    NOT NULL,
    id             TEXT    NOT NULL,
    aggregatetype  TEXT    NOT NULL,
    aggregateid    TEXT    NOT NULL,
    type           TEXT    NOT NULL,
    payload        BLOB    NOT NULL,
    source         TEXT    NOT NULL,
    time           INTEGER NOT NULL,
    content_type   TEXT    NOT NULL,
    partition_key  TEXT    NOT NULL,
    sequence       INTEGER NOT NULL,
    correlation_id TEXT    NOT NULL,
    causation_id   TEXT,
    traceparent    TEXT,
    reason         TEXT    NOT NULL,
    failures       INTEGER NOT NULL,
    failed_at      INTEGER NOT NULL,
    UNIQUE (consumer, id)
) STRICT;
CREATE INDEX seaworthy_dead_letters_by_age ON seaworthy_dead_letters (consumer, number);

CREATE TABLE seaworthy_sagas (
    number             INTEGER PRIMARY KEY,
    id                 TEXT    NOT NULL UNIQUE,
    definition         TEXT    NOT NULL,
    definition_version INTEGER NOT NULL,
    definition_hash    INTEGER NOT NULL,
    key                TEXT    NOT NULL,
    input              BLOB    NOT NULL,
    correlation_id     TEXT    NOT NULL,
    -- 0 running, 1 compensating, 2 stuck, 3 completed, 4 compensated, 5 abandoned
    status             INTEGER NOT NULL,
    epoch              INTEGER NOT NULL,
    log_length         INTEGER NOT NULL DEFAULT 0,
    lease_until        INTEGER NOT NULL,
    wake_at            INTEGER NOT NULL,
    due_at             INTEGER GENERATED ALWAYS AS (max(lease_until, wake_at)) VIRTUAL,
    ended_at           INTEGER,
    log_purged         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (definition, key)
) STRICT;
CREATE INDEX seaworthy_sagas_due ON seaworthy_sagas (definition, due_at, number) WHERE status < 2;
CREATE INDEX seaworthy_sagas_stuck ON seaworthy_sagas (number) WHERE status = 2;
CREATE INDEX seaworthy_sagas_ended ON seaworthy_sagas (ended_at) WHERE ended_at IS NOT NULL AND log_purged = 0;

CREATE TABLE seaworthy_saga_log (
    saga     INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    record   BLOB    NOT NULL,
    PRIMARY KEY (saga, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE seaworthy_operations (
    id     TEXT    PRIMARY KEY,
    -- 1 executed, 2 compensated
    state  INTEGER NOT NULL,
    answer BLOB,
    at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE seaworthy_checkpoints (
    consumer TEXT    PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
