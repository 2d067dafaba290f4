-- The database of one inbox. Instants are Unix milliseconds, UTC.
-- Truth: mail, raw, place, receipt, entry, outbox. Projections, remade by `disclosed rebuild`: ticket, deadline.
-- Personal data stands in address and text, referenced by number, so that it can be erased on its own: `disclosed
-- erase` also empties raw, letter, packed, outbox.reply and receipt.message_id of the ticket, and keeps all hashes.

-- Small facts about the database itself: `Memo` in the store names each, and says what it holds.
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE address (
    id INTEGER PRIMARY KEY,
    -- Lower case: two that differ in case are one.
    key TEXT NOT NULL UNIQUE,
    shown TEXT NOT NULL
) STRICT;

CREATE TABLE text (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

-- One row for each mail with other bytes, stored before anything else is done about it.
CREATE TABLE mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 BLOB NOT NULL,
    -- The first 8 octets of it, to find it by: an index of short keys stays in memory when there are many mails.
    hash INTEGER NOT NULL,
    -- Octets as received; more than raw holds when the mail was over limits.message.
    size INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    -- When our mail server took it: INTERNALDATE, bounded by what the scans saw.
    received INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('stored', 'done')),
    -- Counted before each try to read it, so that a mail that kills the process is put aside.
    attempts INTEGER NOT NULL,
    -- Of sender, Message-ID, date, subject and body: a second copy by another way has the same. See version 4.
    fingerprint INTEGER
) STRICT;
CREATE INDEX mail_waiting ON mail (id) WHERE state = 'stored';
CREATE INDEX mail_hash ON mail (hash);
CREATE INDEX mail_fingerprint ON mail (fingerprint) WHERE fingerprint IS NOT NULL;

-- A stored mail whose DKIM signatures are still to be checked; it is not handled before.
CREATE TABLE unverified (
    mail INTEGER PRIMARY KEY REFERENCES mail (id),
    -- 1: a person's commands or answer depend on it, so that it comes before others (0), and a name server that does not
    -- answer is waited for; 2: and it bears a token of that person.
    word INTEGER NOT NULL,
    -- Not to be tried before.
    due INTEGER NOT NULL,
    -- Counted before each try.
    tries INTEGER NOT NULL
) STRICT;

-- The DKIM signatures that have vouched for a mail, as prints: each vouches for one. See version 4.
CREATE TABLE signature (
    print INTEGER PRIMARY KEY,
    mail INTEGER NOT NULL REFERENCES mail (id),
    at INTEGER NOT NULL
) STRICT;

-- The bytes, in compressed pieces, so that a large mail costs no memory twice.
CREATE TABLE raw (
    mail INTEGER NOT NULL REFERENCES mail (id),
    piece INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (mail, piece)
) STRICT;

-- A folder, under one UIDVALIDITY when it is IMAP's.
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Where a mail was found: a UID or a file name.
CREATE TABLE place (
    source INTEGER NOT NULL REFERENCES source (id),
    name TEXT NOT NULL,
    mail INTEGER NOT NULL REFERENCES mail (id),
    PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_mail ON place (mail);

-- That a mail was handled, and how. Exactly one for each mail that arrived.
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    mail INTEGER NOT NULL REFERENCES mail (id),
    at INTEGER NOT NULL,
    sender INTEGER REFERENCES address (id),
    message_id TEXT,
    -- The first 8 octets of its SHA-256: a short index that hostile ids cannot swell.
    message_hash INTEGER,
    disposition TEXT NOT NULL,
    ticket INTEGER,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX receipt_message ON receipt (message_hash) WHERE message_hash IS NOT NULL AND ticket IS NOT NULL;
CREATE INDEX receipt_mail ON receipt (mail);
CREATE INDEX receipt_quarantined ON receipt (id) WHERE disposition = 'quarantined';

-- The timeline. Rows are added, never changed, but for the references and the Message-ID that erasing takes out.
CREATE TABLE entry (
    ticket INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    by_kind TEXT NOT NULL,
    by_address INTEGER REFERENCES address (id),
    kind TEXT NOT NULL,
    party INTEGER REFERENCES address (id),
    text INTEGER REFERENCES text (id),
    mail INTEGER REFERENCES mail (id),
    PRIMARY KEY (ticket, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE ticket (
    id INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    status TEXT NOT NULL,
    open INTEGER NOT NULL,
    severity TEXT,
    owner INTEGER,
    reporter INTEGER,
    received INTEGER NOT NULL,
    acknowledged INTEGER,
    assessed INTEGER,
    fix_released INTEGER,
    public INTEGER,
    closed INTEGER,
    next_promise TEXT,
    next_deadline INTEGER,
    -- Since when the pausable clocks wait for the reporter.
    waits_since INTEGER
) STRICT;
CREATE INDEX ticket_open ON ticket (next_deadline) WHERE open = 1;
-- What waits to be erased is closed, and has a deadline.
CREATE INDEX ticket_next ON ticket (next_deadline) WHERE next_deadline IS NOT NULL;

CREATE TABLE deadline (
    ticket INTEGER NOT NULL,
    promise TEXT NOT NULL,
    deadline INTEGER NOT NULL,
    -- When it next needs a look: its next rung, or the deadline itself. NULL when nothing of it is to come.
    wake INTEGER,
    PRIMARY KEY (ticket, promise)
) STRICT, WITHOUT ROWID;
CREATE INDEX deadline_wake ON deadline (wake, ticket) WHERE wake IS NOT NULL;

-- Notices on their way, as the final bytes. SQLite uses a partial index only where a query says its condition in the
-- same words.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created INTEGER NOT NULL,
    kind TEXT NOT NULL,
    -- The lowest goes first.
    lane INTEGER NOT NULL,
    -- NULL: erased.
    recipient INTEGER REFERENCES address (id),
    ticket INTEGER,
    -- The revision of the ticket that it shows.
    revision INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'unknown', 'refused', 'held')),
    attempts INTEGER NOT NULL DEFAULT 0,
    -- How often the server's last answer was lost.
    doubts INTEGER NOT NULL DEFAULT 0,
    -- Not to be tried before.
    due INTEGER NOT NULL,
    -- What the server said last, or why it is held.
    reply TEXT,
    -- The sender that the server is told: with a token, so that a bounce says what it is about.
    envelope TEXT,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX outbox_waiting ON outbox (lane, id) WHERE state = 'waiting';
CREATE INDEX outbox_due ON outbox (due) WHERE state = 'waiting';
CREATE INDEX outbox_sending ON outbox (id) WHERE state = 'sending';
CREATE INDEX outbox_held ON outbox (ticket) WHERE state = 'held';
CREATE INDEX outbox_stuck ON outbox (id) WHERE state IN ('held', 'unknown');

-- What each notice stands for: no two notices share one (G3). The ticket's number, then a hash: hashes alone would
-- scatter over the table, and each change a page of its own.
CREATE TABLE notice_key (
    key BLOB PRIMARY KEY,
    notice INTEGER NOT NULL REFERENCES outbox (id)
) STRICT, WITHOUT ROWID;

-- How much incoming mail made us send: per scope and slot of time, for the caps.
CREATE TABLE tally (
    -- The hash of what is counted; it names nobody.
    scope INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (scope, slot)
) STRICT, WITHOUT ROWID;
