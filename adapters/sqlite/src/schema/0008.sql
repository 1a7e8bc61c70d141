-- When a saga was created and when it got its status, for operators who list sagas. Of those that are there the log tells, as
-- far as it is kept.
ALTER TABLE seaworthy_sagas ADD COLUMN started_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seaworthy_sagas ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE seaworthy_sagas SET
    started_at = coalesce((SELECT min(at) FROM seaworthy_saga_log WHERE saga = number), ended_at, wake_at),
    since = coalesce(ended_at, CASE status
        WHEN 2 THEN (SELECT max(at) FROM seaworthy_saga_log WHERE saga = number)
        ELSE (SELECT min(at) FROM seaworthy_saga_log WHERE saga = number) END, wake_at);

-- The rare ends, in the order of a list. Those that are under way have an index already, and most of the others are completed.
CREATE INDEX seaworthy_sagas_compensated ON seaworthy_sagas (number) WHERE status = 4;
CREATE INDEX seaworthy_sagas_abandoned ON seaworthy_sagas (number) WHERE status = 5;
