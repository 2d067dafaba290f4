//! What is counted along.

use super::*;

/// What is counted along is what a walk over all would find, whatever happened to it.
#[test]
fn what_is_counted_along_is_what_is_there() {
    let store = Store::in_memory().unwrap();
    let sql = "INSERT INTO mail (sha256, hash, size, whole, received, first_seen, state, attempts)
               VALUES (x'00', 1, 1, 1, 0, 0, 'done', 1);";
    store.connection.execute_batch(sql).unwrap();
    for change in [
        "INSERT INTO receipt (mail, at, disposition, reason) VALUES (1, 0, 'report', ''), (1, 0, 'bounce', '')",
        "UPDATE receipt SET disposition = 'report' WHERE id = 2",
        "UPDATE receipt SET reason = 'other'",
        "DELETE FROM receipt WHERE id = 1",
        "INSERT INTO outbox (created, kind, lane, revision, message_id, state, due, bytes)
         VALUES (0, 'digest', 0, 0, 'a', 'waiting', 0, x''), (0, 'digest', 0, 0, 'b', 'held', 0, x'')",
        "UPDATE outbox SET state = 'sending' WHERE id = 1",
        "UPDATE outbox SET state = 'sent'",
        "DELETE FROM outbox WHERE id = 2",
    ] {
        store.connection.execute_batch(change).unwrap();
        let walk = "SELECT count(*) FROM (
            SELECT what, name, count FROM counted WHERE count <> 0
            EXCEPT SELECT * FROM (
                SELECT 'mail', disposition, count(*) FROM receipt GROUP BY disposition
                UNION ALL SELECT 'notice', state, count(*) FROM outbox GROUP BY state))";
        assert_eq!(store.connection.query_row(walk, [], |r| r.get(0)), Ok(0), "after {change}");
    }
}
