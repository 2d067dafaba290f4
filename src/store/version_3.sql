-- What kind an entry is, and whether the fold of its ticket needs its text, in columns of their own: both are asked for
-- often, and no statement has to look into the JSON for them. An entry whose JSON nobody can read has no name.
ALTER TABLE entry ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE entry ADD COLUMN folds_text INTEGER NOT NULL DEFAULT 0;
UPDATE entry SET name = coalesce(json_extract(kind, '$.kind'), '') WHERE json_valid(kind);
UPDATE entry SET folds_text = 1 WHERE name IN ('reported', 'credit', 'code-asked');

-- The commands of one mail are done together: the number of the first entry that they made stands in each of them.
-- Of entries from before, nobody wrote it down.
ALTER TABLE entry ADD COLUMN by_order INTEGER;

-- That the breaker has fallen was a fact of its own, and empty once a person had let the mail go. It is trouble now, like
-- all other trouble that stands.
INSERT OR IGNORE INTO meta (key, value) SELECT 'trouble:breaker', value FROM meta WHERE key = 'breaker' AND value <> '';
DELETE FROM meta WHERE key = 'breaker';

-- What was tried and refused, for `status`: few of all notices.
CREATE INDEX outbox_refused ON outbox (id) WHERE state = 'refused' AND attempts > 0;
