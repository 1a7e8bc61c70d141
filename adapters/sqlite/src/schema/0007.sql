-- How a saga came to rest: its result, or the reason, as whoever waits for it asks; it outlasts the log. NULL for sagas that have
-- not, and for those that had before.
ALTER TABLE seaworthy_sagas ADD COLUMN outcome BLOB;
-- Sagas that share the correlation of a message, as those that were started for one. Others are found by their own id.
CREATE INDEX seaworthy_sagas_correlated ON seaworthy_sagas (correlation_id, definition) WHERE correlation_id <> id;
