-- When a watermark was raised last, so that it need not stay for ever. Nobody knows of those that are there: they were raised
-- before the latest that their consumer has handled.
ALTER TABLE seaworthy_watermarks ADD COLUMN raised_at INTEGER NOT NULL DEFAULT 0;
UPDATE seaworthy_watermarks SET raised_at = coalesce(
    (SELECT max(at) FROM seaworthy_inbox AS i WHERE i.consumer = seaworthy_watermarks.consumer AND i.state = 1), 0);
CREATE INDEX seaworthy_watermarks_by_age ON seaworthy_watermarks (consumer, raised_at, source, epoch, key);
