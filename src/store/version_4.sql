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
