-- What the folder held at the first start: the names of its first whole listing. Mail that is found there under such a
-- name is listed and no more, until a person or a second delivery says otherwise.
CREATE TABLE earlier (
    source INTEGER NOT NULL REFERENCES source (id),
    name TEXT NOT NULL,
    PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID;
-- Fingerprints of version 1 count each byte of a body: where there are any, mail is looked up by those forms too.
INSERT INTO meta (key, value) SELECT 'old_prints', 'yes' WHERE EXISTS (SELECT 1 FROM mail WHERE fingerprint IS NOT NULL);
CREATE INDEX receipt_earlier ON receipt (mail) WHERE disposition = 'earlier';

-- The mails of a ticket and the notices about it, to hold against them what is to leave; the last notice to somebody whom
-- a delivery report names.
CREATE INDEX receipt_ticket ON receipt (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX outbox_ticket ON outbox (ticket) WHERE ticket IS NOT NULL;
CREATE INDEX outbox_recipient ON outbox (recipient, created);
