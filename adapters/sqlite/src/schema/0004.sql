-- The life of this store, which its messages carry beside their sequence: a copy that is put in place of the file gets
-- another, or its counters would run a second time. 53 bits, so that every reader of JSON sees the same number.
CREATE TABLE seaworthy_epoch (epoch INTEGER NOT NULL) STRICT;
INSERT INTO seaworthy_epoch (epoch) VALUES (1 + abs(random() % 9007199254740990));

-- A watermark holds for one epoch of its source.
ALTER TABLE seaworthy_inbox ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seaworthy_dead_letters ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
CREATE TABLE seaworthy_watermarks_by_epoch (
    consumer TEXT    NOT NULL,
    source   TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (consumer, source, epoch, key)
) STRICT, WITHOUT ROWID;
INSERT INTO seaworthy_watermarks_by_epoch (consumer, source, epoch, key, sequence)
    SELECT consumer, source, 0, key, sequence FROM seaworthy_watermarks;
DROP TABLE seaworthy_watermarks;
ALTER TABLE seaworthy_watermarks_by_epoch RENAME TO seaworthy_watermarks;
