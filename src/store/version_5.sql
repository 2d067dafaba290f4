-- The login name of whoever was at the command line of the daemon's host; before, nobody wrote it down. Whom they say to
-- act for stands in by_address.
ALTER TABLE entry ADD COLUMN by_login TEXT;
