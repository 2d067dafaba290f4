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
        "INSERT INTO outbox (created, kind, lane, revision, message_id, state, due)
         VALUES (0, 'digest', 0, 0, 'a', 'waiting', 0), (0, 'digest', 0, 0, 'b', 'held', 0)",
        "UPDATE outbox SET state = 'sending' WHERE id = 1",
        "UPDATE outbox SET state = 'sent'",
        "DELETE FROM outbox WHERE id = 2",
        "INSERT INTO ticket (id, revision, status, open, received, next_deadline)
         VALUES (1, 1, 'received', 1, 0, 7200000), (2, 1, 'received', 1, 0, 7200001), (3, 1, 'closed', 0, 0, NULL)",
        "INSERT INTO outbox (created, kind, lane, ticket, revision, message_id, state, due)
         VALUES (0, 'report', 0, 1, 0, 'c', 'held', 0), (0, 'report', 0, 2, 0, 'd', 'sent', 0)",
        "UPDATE ticket SET next_deadline = 3600000 WHERE id = 1",
        "UPDATE ticket SET open = 0, next_deadline = NULL WHERE id = 1",
        "UPDATE ticket SET open = 1, next_deadline = 9 WHERE id = 1",
        "UPDATE ticket SET revision = 2, open = 0, next_deadline = 7200001 WHERE id = 2",
        "DELETE FROM ticket WHERE id = 2",
        "INSERT INTO ticket (id, revision, status, open, received) VALUES (2, 1, 'received', 1, 0)",
    ] {
        store.connection.execute_batch(change).unwrap();
        let walk = "SELECT count(*) FROM (
            SELECT what, name, count FROM counted WHERE count <> 0
            EXCEPT SELECT * FROM (
                SELECT 'mail', disposition, count(*) FROM receipt GROUP BY disposition
                UNION ALL SELECT 'notice', state, count(*) FROM outbox GROUP BY state
                UNION ALL SELECT 'ticket', iif(open, 'open', 'closed'), count(*) FROM ticket GROUP BY open))";
        assert_eq!(store.connection.query_row(walk, [], |r| r.get(0)), Ok(0), "after {change}");
        let hours = "SELECT (SELECT count(*) FROM (
                SELECT hour, tickets FROM due_hour
                EXCEPT SELECT next_deadline / 3600000, count(*) FROM ticket GROUP BY 1))
            + abs((SELECT count(next_deadline) FROM ticket) - (SELECT coalesce(sum(tickets), 0) FROM due_hour))";
        assert_eq!(store.connection.query_row(hours, [], |r| r.get(0)), Ok(0), "after {change}");
        let closed = "SELECT count(*) FROM outbox JOIN ticket t ON t.id = outbox.ticket WHERE outbox.closed = t.open";
        assert_eq!(store.connection.query_row(closed, [], |r| r.get(0)), Ok(0), "after {change}");
        let broken = |at| Tx(&store.connection).tickets_due(Timestamp::from_millisecond(at).unwrap()).unwrap();
        for at in [0, 9, 3_600_000, 7_200_000, 7_200_001, 9_000_000] {
            let walk = "SELECT count(*) FROM ticket WHERE next_deadline <= ?1";
            assert_eq!(store.connection.query_row(walk, [at], |r| r.get(0)), Ok(broken(at)), "{at}, after {change}");
        }
    }
}
