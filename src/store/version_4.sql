-- What is spent: what tells a mail that was obeyed, and what it said, from all others. No other mail that bears one of
-- these is obeyed. What an earlier version spent stays so, by the first 8 octets of a signature's hash.
CREATE TABLE spent (
    print BLOB PRIMARY KEY,
    mail INTEGER NOT NULL REFERENCES mail (id),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO spent SELECT unhex(printf('%016x', print)), mail, at FROM signature;
DROP TABLE signature;
