-- Sending.

-- The mailbox.

-- Hold and recovery.
