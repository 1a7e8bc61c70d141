-- Events: each has its place among all (`sequence`) and in its stream, which is its partition key (`version`).
-- AUTOINCREMENT, because a position that came again after somebody had deleted the last rows would be one that readers are
-- beyond.
CREATE TABLE seaworthy_events (
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
    headers        TEXT,
    version        INTEGER NOT NULL,
    UNIQUE (partition_key, version)
) STRICT;
-- The store never changes an event. Nobody else does by mistake either.
CREATE TRIGGER seaworthy_events_immutable BEFORE UPDATE ON seaworthy_events BEGIN
    SELECT RAISE(ABORT, 'an event that was recorded is never changed');
END;

CREATE TABLE seaworthy_event_snapshots (
    stream  TEXT    PRIMARY KEY,
    version INTEGER NOT NULL,
    state   BLOB    NOT NULL
) STRICT, WITHOUT ROWID;
