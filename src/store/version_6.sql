-- Sending.

-- The mailbox.

-- Hold and recovery.

-- The clock.
-- The last of all slots: one that lies ahead was counted by a clock that was wrong.
CREATE INDEX tally_slot ON tally (slot);
