-- A store keeps the epochs that it has been in, each with the last sequence of the outbox and of the events that is not of it:
-- a message stays of the epoch in which it was staged.
ALTER TABLE seaworthy_epoch ADD COLUMN after_message INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seaworthy_epoch ADD COLUMN after_event INTEGER NOT NULL DEFAULT 0;
