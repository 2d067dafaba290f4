-- Sending.

-- Tries that have begun and of which no outcome is known. Counted without waiting for the disk: see `Store::note`.
ALTER TABLE outbox ADD COLUMN begun INTEGER NOT NULL DEFAULT 0;

-- The mailbox.

-- Hold and recovery.
