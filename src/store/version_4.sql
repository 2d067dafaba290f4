-- Prints are of 16 octets, so that nobody builds two mails or two signatures that share one. Those of before were numbers
-- of 8 octets; they stand here with zeros behind them.
DROP INDEX mail_fingerprint;
ALTER TABLE mail ADD COLUMN print BLOB;
UPDATE mail SET print = unhex(printf('%016x0000000000000000', fingerprint)) WHERE fingerprint IS NOT NULL;
ALTER TABLE mail DROP COLUMN fingerprint;
ALTER TABLE mail RENAME COLUMN print TO fingerprint;
CREATE INDEX mail_fingerprint ON mail (fingerprint) WHERE fingerprint IS NOT NULL;

-- What is spent: what tells a mail that was obeyed, and what it said, from all others. No other mail that bears one of
-- these is obeyed. The signatures that an earlier version believed stay spent.
CREATE TABLE spent (
    print BLOB PRIMARY KEY,
    mail INTEGER NOT NULL REFERENCES mail (id),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO spent SELECT unhex(printf('%016x0000000000000000', print)), mail, at FROM signature;
DROP TABLE signature;

-- Commands that nobody vouches for, and that wait apart from their ticket for the code in a notice. They are not kept:
-- they are read again from their mail.
CREATE TABLE request (
    -- The notice with the code.
    notice INTEGER PRIMARY KEY REFERENCES outbox (id),
    mail INTEGER NOT NULL REFERENCES mail (id),
    at INTEGER NOT NULL,
    -- A code was given, right or wrong: there is no second try.
    over INTEGER NOT NULL DEFAULT 0
) STRICT;
