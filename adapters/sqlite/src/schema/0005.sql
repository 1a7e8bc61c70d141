-- `head` says more now: 0 behind an open row of its key, 1 the first row of its key, 2 the first that is open, behind dead
-- ones. So a relay for which a dead row blocks its key looks at no key that is blocked.
DROP INDEX seaworthy_outbox_due;
-- By topic, so that a topic that is left alone costs nothing however many rows of it wait.
CREATE INDEX seaworthy_outbox_due ON seaworthy_outbox (head, aggregatetype, available_at, sequence) WHERE state < 2;
CREATE INDEX seaworthy_outbox_dead_places ON seaworthy_outbox (sequence) WHERE state = 3;

-- The number of dead rows of each key that has any: the gap of a row is what of them is not after it.
CREATE TABLE seaworthy_outbox_dead_keys (
    partition_key TEXT    PRIMARY KEY,
    dead          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO seaworthy_outbox_dead_keys (partition_key, dead)
    SELECT partition_key, count(*) FROM seaworthy_outbox WHERE state = 3 GROUP BY partition_key;
UPDATE seaworthy_outbox SET head = 2 WHERE state < 2 AND head = 1 AND EXISTS (
    SELECT 1 FROM seaworthy_outbox AS d INDEXED BY seaworthy_outbox_key
    WHERE d.partition_key = seaworthy_outbox.partition_key AND d.state = 3 AND d.state <> 2
      AND d.sequence < seaworthy_outbox.sequence);

-- Whoever deletes rows, as a purge of the dead does and somebody who captures changes: the next row of the key moves up.
DROP TRIGGER seaworthy_outbox_deleted;
CREATE TRIGGER seaworthy_outbox_deleted AFTER DELETE ON seaworthy_outbox
WHEN OLD.state = 3 OR OLD.state < 2 AND OLD.head > 0 BEGIN
    UPDATE seaworthy_outbox_dead_keys SET dead = dead - 1 WHERE partition_key = OLD.partition_key AND OLD.state = 3;
    DELETE FROM seaworthy_outbox_dead_keys WHERE partition_key = OLD.partition_key AND dead <= 0;
    UPDATE seaworthy_outbox SET head = 1 + EXISTS (
        SELECT 1 FROM seaworthy_outbox AS d INDEXED BY seaworthy_outbox_key
        WHERE d.partition_key = OLD.partition_key AND d.state = 3 AND d.state <> 2
          AND d.sequence < seaworthy_outbox.sequence)
    WHERE sequence = (
        SELECT min(sequence) FROM (
            SELECT min(sequence) AS sequence FROM seaworthy_outbox
            WHERE partition_key = OLD.partition_key AND state = 0 AND state <> 2
            UNION ALL
            SELECT min(sequence) FROM seaworthy_outbox
            WHERE partition_key = OLD.partition_key AND state = 1 AND state <> 2));
END;
