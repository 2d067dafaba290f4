-- Sending.

-- Tries that have begun and of which no outcome is known. Counted without waiting for the disk: see `Store::note`.
ALTER TABLE outbox ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;

-- The mailbox.

-- How often a mail was asked for and did not come. Written before each fetch, so that a mail at which the session or the
-- process ends is known; the row goes when the mail comes, or is put aside.
CREATE TABLE strike (
    source INTEGER NOT NULL REFERENCES source (id),
    name TEXT NOT NULL,
    tries INTEGER NOT NULL,
    -- The latest of them.
    at INTEGER NOT NULL,
    PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID;

-- What a folder is for: the inbox, what was sent by hand, what was taken for junk.
ALTER TABLE source ADD COLUMN role TEXT NOT NULL DEFAULT 'inbox';
-- Whether a sender is the reporter of a ticket.
CREATE INDEX ticket_reporter ON ticket (reporter) WHERE reporter IS NOT NULL;

-- What an IMAP folder was when it was last looked at, under one UIDVALIDITY: it tells a mail server that was set back.
CREATE TABLE folder (
    name TEXT PRIMARY KEY,
    -- Under which its mails are known now: another one than before, since UIDs of before mean other mails.
    source INTEGER NOT NULL REFERENCES source (id),
    -- The UID of the next mail; NULL where the server does not say.
    uidnext INTEGER,
    -- While all its mails are compared with those that are here: the last whole scan before that began.
    doubted INTEGER
) STRICT, WITHOUT ROWID;

-- What the server said of the newest mails that were taken in from a folder.
CREATE TABLE witness (
    source INTEGER NOT NULL REFERENCES source (id),
    uid INTEGER NOT NULL,
    internal_date INTEGER,
    -- The first 8 octets of the SHA-256 of the Message-ID.
    message_hash INTEGER,
    PRIMARY KEY (source, uid)
) STRICT, WITHOUT ROWID;

-- Hold and recovery.
