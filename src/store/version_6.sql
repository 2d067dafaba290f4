-- Sending.

-- The mailbox.

-- Hold and recovery.
-- The lowest lane is for the one notice that leaves while all is on hold.
UPDATE outbox SET lane = lane + 1;
-- That the inbox bore tokens of a database that was lost ended the daemon; now it puts the database on hold.
DELETE FROM meta WHERE key = 'begun';
