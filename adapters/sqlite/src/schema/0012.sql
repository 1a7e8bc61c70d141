-- Dead letters of which an operator asks that they be handled again, and since when.
ALTER TABLE seaworthy_dead_letters ADD COLUMN asked_at INTEGER;
CREATE INDEX seaworthy_dead_letters_asked ON seaworthy_dead_letters (consumer, number) WHERE asked_at IS NOT NULL;
