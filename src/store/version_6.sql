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

-- Hold and recovery.
