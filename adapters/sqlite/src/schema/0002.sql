-- A dead letter keeps how many earlier messages of its key its producer had given up.
ALTER TABLE seaworthy_dead_letters ADD COLUMN gap INTEGER NOT NULL DEFAULT 0;
