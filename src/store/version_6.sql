-- Sending.

-- Tries that have begun and of which no outcome is known. Counted without waiting for the disk: see `Store::note`.
ALTER TABLE outbox ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;
-- From when on it is too late for it to leave.
ALTER TABLE outbox ADD COLUMN expires INTEGER;
UPDATE outbox SET expires = created + 86400000 WHERE state = 'waiting' AND kind = 'acknowledgement';
CREATE INDEX outbox_expires ON outbox (expires) WHERE state = 'waiting' AND expires IS NOT NULL;
-- When the server refused it first without a word on whose fault that is.
ALTER TABLE outbox ADD COLUMN unclear INTEGER;
CREATE INDEX outbox_unclear ON outbox (unclear) WHERE state = 'waiting' AND unclear IS NOT NULL;

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
-- The lowest lane is for the one notice that leaves while all is on hold.
UPDATE outbox SET lane = lane + 1;
-- That the inbox bore tokens of a database that was lost ended the daemon; now it puts the database on hold.
DELETE FROM meta WHERE key = 'begun';

-- The clock.
-- The last of all slots: one that lies ahead was counted by a clock that was wrong.
CREATE INDEX tally_slot ON tally (slot);

-- What is counted, kept along with what it counts: how many mails ended in which way, and how many notices are in which
-- state. A monitor asks for them four times a minute, and they must not cost a walk over all that ever came.
CREATE TABLE counted (
    what TEXT NOT NULL,
    name TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (what, name)
) STRICT, WITHOUT ROWID;
INSERT INTO counted SELECT 'mail', disposition, count(*) FROM receipt GROUP BY disposition;
INSERT INTO counted SELECT 'notice', state, count(*) FROM outbox GROUP BY state;
CREATE TRIGGER receipt_comes AFTER INSERT ON receipt BEGIN
    INSERT INTO counted VALUES ('mail', new.disposition, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER receipt_changes AFTER UPDATE OF disposition ON receipt WHEN new.disposition <> old.disposition BEGIN
    UPDATE counted SET count = count - 1 WHERE what = 'mail' AND name = old.disposition;
    INSERT INTO counted VALUES ('mail', new.disposition, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER receipt_goes AFTER DELETE ON receipt BEGIN
    UPDATE counted SET count = count - 1 WHERE what = 'mail' AND name = old.disposition;
END;
CREATE TRIGGER notice_comes AFTER INSERT ON outbox BEGIN
    INSERT INTO counted VALUES ('notice', new.state, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER notice_changes AFTER UPDATE OF state ON outbox WHEN new.state <> old.state BEGIN
    UPDATE counted SET count = count - 1 WHERE what = 'notice' AND name = old.state;
    INSERT INTO counted VALUES ('notice', new.state, 1) ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER notice_goes AFTER DELETE ON outbox BEGIN
    UPDATE counted SET count = count - 1 WHERE what = 'notice' AND name = old.state;
END;

-- Size: what is asked often, or by a person, costs neither the number of tickets nor that of notices.
INSERT INTO counted SELECT 'ticket', iif(open, 'open', 'closed'), count(*) FROM ticket GROUP BY open;
-- In how many tickets the next deadline lies within which hour. What is broken stays so for long, and may be much: those
-- before this hour are counted by it, and only those of this hour one by one.
CREATE TABLE due_hour (
    hour INTEGER PRIMARY KEY,
    tickets INTEGER NOT NULL
) STRICT;
INSERT INTO due_hour
SELECT next_deadline / 3600000, count(*) FROM ticket WHERE next_deadline IS NOT NULL GROUP BY 1;
-- The next deadline of any promise that lies ahead.
CREATE INDEX deadline_deadline ON deadline (deadline);
-- The list of those that are open.
CREATE INDEX ticket_open_number ON ticket (id) WHERE open = 1;

-- Whether the ticket of a notice is closed: then nobody needs to look at what became of it.
ALTER TABLE outbox ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET closed = 1 WHERE ticket IN (SELECT id FROM ticket WHERE open = 0);
DROP INDEX outbox_stuck;
DROP INDEX outbox_refused;
-- What is held, may not have arrived or was refused, though it was tried: those without a ticket first.
CREATE INDEX outbox_failed ON outbox (state, ticket, created, attempts)
WHERE closed = 0 AND (state IN ('held', 'unknown') OR state = 'refused' AND attempts > 0);

-- What the digest counts.
CREATE INDEX receipt_loose ON receipt (at) WHERE ticket IS NULL;
CREATE INDEX receipt_command ON receipt (at) WHERE ticket IS NOT NULL AND disposition = 'command';

CREATE TRIGGER ticket_comes AFTER INSERT ON ticket BEGIN
    INSERT INTO counted VALUES ('ticket', iif(new.open, 'open', 'closed'), 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
    UPDATE outbox SET closed = NOT new.open WHERE ticket = new.id AND closed = new.open;
    INSERT INTO due_hour SELECT new.next_deadline / 3600000, 1 WHERE new.next_deadline IS NOT NULL
    ON CONFLICT DO UPDATE SET tickets = tickets + 1;
END;
CREATE TRIGGER ticket_opens AFTER UPDATE OF open ON ticket WHEN new.open <> old.open BEGIN
    UPDATE counted SET count = count - 1 WHERE what = 'ticket' AND name = iif(old.open, 'open', 'closed');
    INSERT INTO counted VALUES ('ticket', iif(new.open, 'open', 'closed'), 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
    UPDATE outbox SET closed = NOT new.open WHERE ticket = new.id;
END;
CREATE TRIGGER ticket_moves AFTER UPDATE OF next_deadline ON ticket WHEN new.next_deadline IS NOT old.next_deadline BEGIN
    UPDATE due_hour SET tickets = tickets - 1 WHERE hour = old.next_deadline / 3600000;
    DELETE FROM due_hour WHERE hour = old.next_deadline / 3600000 AND tickets = 0;
    INSERT INTO due_hour SELECT new.next_deadline / 3600000, 1 WHERE new.next_deadline IS NOT NULL
    ON CONFLICT DO UPDATE SET tickets = tickets + 1;
END;
CREATE TRIGGER ticket_goes AFTER DELETE ON ticket BEGIN
    UPDATE counted SET count = count - 1 WHERE what = 'ticket' AND name = iif(old.open, 'open', 'closed');
    UPDATE due_hour SET tickets = tickets - 1 WHERE hour = old.next_deadline / 3600000;
    DELETE FROM due_hour WHERE hour = old.next_deadline / 3600000 AND tickets = 0;
END;

-- Bytes of notices.
-- Apart from the outbox, so that a try, an offer and an outcome change a short row, and those of many notices one page.
-- Of what may still leave, as it is; of what an earlier version sent, too.
CREATE TABLE letter (
    notice INTEGER PRIMARY KEY REFERENCES outbox (id),
    bytes BLOB NOT NULL
) STRICT;
-- Of what will not leave any more, packed: see `packed.rs`. The frame names the version of its dictionary.
CREATE TABLE packed (
    notice INTEGER PRIMARY KEY REFERENCES outbox (id),
    bytes BLOB NOT NULL
) STRICT;
INSERT INTO letter SELECT id, bytes FROM outbox WHERE length(bytes) > 0;
ALTER TABLE outbox DROP COLUMN bytes;
-- Both are needed as long as a notice may leave.
UPDATE outbox SET envelope = NULL, due = 0 WHERE state IN ('sent', 'unknown', 'refused');

-- What a notice stands for: 16 octets of the hash are enough.
UPDATE notice_key SET key = substr(key, 1, 20);
