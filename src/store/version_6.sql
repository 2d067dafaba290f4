-- Sending.

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

-- Hold and recovery.
