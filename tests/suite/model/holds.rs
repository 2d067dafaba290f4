//! What must hold in each state of the model, and what tells one state from another.

use super::*;

impl World {
    /// What holds at each moment.
    pub(super) fn check(&self) {
        let path = || format!("after {:?}", self.path);
        if let Some((before, true)) = self.restored {
            let now: u8 = self.taken.values().sum();
            let told =
                self.number("SELECT count(*) FROM outbox WHERE lane = 0 AND state IN ('sent', 'waiting', 'sending')");
            let held = i64::from(now) <= i64::from(before) + told.max(0) * 2;
            assert!(held, "something left of a database that was put back, {}", path());
        }
        for (id, times) in &self.taken {
            if self.restored.is_some_and(|(_, known)| !known) {
                break; // Nothing beside the database says that it was put back, so that it does all again.
            }
            let doubts = self.doubts.get(id).copied().unwrap_or_default();
            assert!(*times <= 1 + doubts.min(1), "G3: {id} left {times} times with {doubts} doubts, {}", path());
        }
        let mut query = self.anchor.prepare("SELECT '<' || message_id || '>', state, doubts FROM outbox").unwrap();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (id, state, counted): (String, String, u8) =
                (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
            let doubts = self.doubts.get(&id).copied().unwrap_or_default();
            let taken = self.taken.get(&id).copied().unwrap_or_default();
            if self.restored.is_some() {
                continue;
            }
            assert!(counted <= doubts, "G3: {id} is called doubtful, and was not, {}", path());
            assert!(state != "sent" || taken > 0, "G3: {id} is called sent, and was not, {}", path());
            assert!(state != "unknown" || doubts > 1, "G3: {id} is given up, {}", path());
        }
        assert!(self.number("SELECT count(*) FROM entry WHERE name IN ('reported', 'member')") <= 1, "G2, {}", path());
        let acknowledged = self.number("SELECT count(*) FROM outbox WHERE kind = 'acknowledgement'");
        assert!(acknowledged <= 1, "G2: {acknowledged} acknowledgements, {}", path());
    }

    /// Nothing goes wrong any more: all must end well.
    pub(super) fn ends_well(&self) {
        let mut world = self.copy();
        (world.troubles, world.waits) = (0, 0);
        world.arrived = MAILS;
        for _ in 0..3 {
            // A look into the folder comes before a pick, so that a pick is all that is left once it brings nothing.
            while let Some(next) = world.possible().last() {
                world.step(*next, NEVER);
                if *next == Step::Pick && matches!(world.hand, Hand::Empty) {
                    break; // What waits is on hold.
                }
            }
            // Longer than any notice waits for its next try.
            world.now += SignedDuration::from_hours(2);
        }
        let path = || format!("at the end of {:?}", world.path);
        let held = world.number("SELECT count(*) FROM meta WHERE key = 'trouble:hold'") > 0;
        let noticed = world.restored.is_none_or(|(_, known)| known);
        assert_eq!(held, world.restored.is_some() && noticed, "a database that was put back holds, {}", path());
        let open = world.number("SELECT count(*) FROM outbox WHERE lane > 0 AND state IN ('waiting', 'sending')");
        assert!(open == 0 || held, "G1: notices never left, {}", path());
        let stored = world.number("SELECT count(*) FROM mail WHERE state = 'done'");
        assert_eq!(stored, i64::try_from(world.arrived).unwrap(), "G1: mail is missing, {}", path());
        assert_eq!(world.number("SELECT count(*) FROM receipt"), stored, "G1: one receipt a mail, {}", path());
        let reports = world.number("SELECT count(*) FROM entry WHERE name = 'reported'");
        assert_eq!(reports, 1, "G1: a report made no ticket, {}", path());
        let lost = world.number("SELECT count(*) FROM outbox WHERE state IN ('refused', 'held')");
        assert!(
            held || world.restored.is_some() || lost == i64::from(world.refused),
            "a notice was given up without a reason, {}",
            path()
        );
    }

    /// A copy of the database without its mark is on another host, and looks into the same folder.
    pub(super) fn second_daemon_stays_silent(&self) {
        if self.number("SELECT count(*) FROM meta WHERE key = 'marked'") == 0 {
            return; // Nothing was ever marked, so that nothing tells a copy from the original.
        }
        let mut second = self.copy();
        (second.mark, second.hand, second.troubles, second.waits) = (None, Hand::Empty, 0, 0);
        let before: u8 = self.taken.values().sum();
        for step in [Step::Start, Step::Scan] {
            second.act(step, &Arc::new(AtomicI64::new(NEVER))).unwrap();
        }
        let mut tracker = second.tracker(&Arc::new(AtomicI64::new(NEVER))).unwrap();
        let (_, picked) = tracker.pick(second.now + SignedDuration::from_hours(48), &[]).unwrap();
        let lane = picked.map(|claim| second.number(&format!("SELECT lane FROM outbox WHERE id = {}", claim.number)));
        let silent = lane.is_none_or(|lane| lane == 0);
        assert!(silent, "a second daemon sends after {before} were taken, after {:?}", self.path);
    }

    /// What tells this state from others: all but how it came about.
    pub(super) fn print(&self) -> [u8; 32] {
        let mut print = Sha256::new();
        let hand = match &self.hand {
            Hand::Empty => String::new(),
            Hand::Picked(claim) => format!("picked {}", claim.number),
            Hand::Offered(claim) => format!("offered {}", claim.number),
            Hand::Ended(claim, outcome) => format!("ended {} {outcome:?}", claim.number),
        };
        let (runs, arrived, validity) = (self.runs, self.arrived, (self.validity, self.scanned));
        print.update(format!(
            "{runs} {hand} {} {arrived} {validity:?} {:?} {:?} {:?} {:?}",
            self.now, self.taken, self.doubts, self.mark, self.restored
        ));
        print.update(self.backup.as_ref().map_or([0; 32], |backup| backup.print));
        for table in
            ["mail", "place", "receipt", "entry", "outbox", "ticket", "deadline", "tally", "meta", "unverified"]
        {
            let mut query = self.anchor.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
            let columns = query.column_count();
            let mut rows = query.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                (0..columns).for_each(|at| print.update(format!("{:?}|", row.get_ref(at).unwrap())));
            }
        }
        print.finalize().into()
    }
}
