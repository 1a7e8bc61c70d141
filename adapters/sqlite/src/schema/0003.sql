-- What else travels with a message: a JSON object of texts, NULL where there is nothing.
ALTER TABLE seaworthy_outbox ADD COLUMN headers TEXT;
ALTER TABLE seaworthy_dead_letters ADD COLUMN headers TEXT;

-- Whoever deletes rows that are not settled, as somebody does who captures changes: the next row of the key moves up.
CREATE TRIGGER seaworthy_outbox_deleted AFTER DELETE ON seaworthy_outbox WHEN OLD.head = 1 AND OLD.state < 2 BEGIN
    UPDATE seaworthy_outbox SET head = 1 WHERE sequence = (
        SELECT min(sequence) FROM (
            SELECT min(sequence) AS sequence FROM seaworthy_outbox
            WHERE partition_key = OLD.partition_key AND state = 0 AND state <> 2
            UNION ALL
            SELECT min(sequence) FROM seaworthy_outbox
            WHERE partition_key = OLD.partition_key AND state = 1 AND state <> 2));
END;
-- Keys that stood still because of it.
UPDATE seaworthy_outbox SET head = 1 WHERE state < 2 AND head = 0 AND NOT EXISTS (
    SELECT 1 FROM seaworthy_outbox AS e
    WHERE e.partition_key = seaworthy_outbox.partition_key AND e.state < 2 AND e.state <> 2
      AND e.sequence < seaworthy_outbox.sequence);
