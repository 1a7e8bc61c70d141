-- The latest time that the store's clock has shown at a commit, to a second: from there it goes on when the file is opened again.
CREATE TABLE seaworthy_clock (latest INTEGER NOT NULL) STRICT;
INSERT INTO seaworthy_clock (latest) VALUES (0);
