-- Keys by which messages of one type find sagas of a definition, each as long as its saga is there.
CREATE TABLE seaworthy_saga_keys (
    definition TEXT NOT NULL,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    saga INTEGER NOT NULL,
    PRIMARY KEY (definition, name, key, saga)
) STRICT, WITHOUT ROWID;
CREATE INDEX seaworthy_saga_keys_of ON seaworthy_saga_keys (saga);
