-- Prints are of 16 octets, so that nobody builds two mails or two signatures that share one. Those of before were numbers
-- of 8 octets; they stand here with zeros behind them.
DROP INDEX mail_fingerprint;
ALTER TABLE mail ADD COLUMN print BLOB;
UPDATE mail SET print = unhex(printf('%016x0000000000000000', fingerprint)) WHERE fingerprint IS NOT NULL;
ALTER TABLE mail DROP COLUMN fingerprint;
ALTER TABLE mail RENAME COLUMN print TO fingerprint;
CREATE INDEX mail_fingerprint ON mail (fingerprint) WHERE fingerprint IS NOT NULL;

ALTER TABLE signature RENAME TO signature_of_before;
CREATE TABLE signature (
    print BLOB PRIMARY KEY,
    mail INTEGER NOT NULL REFERENCES mail (id),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO signature SELECT unhex(printf('%016x0000000000000000', print)), mail, at FROM signature_of_before;
DROP TABLE signature_of_before;
