-- Sending.

-- The mailbox.

-- Hold and recovery.

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
