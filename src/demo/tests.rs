//! The demo on several days of the year: it ends as it tells, whenever it is played.

use super::*;
use crate::ticket::Status;

#[test]
fn it_ends_the_same_on_each_day_of_the_year() {
    // In winter, after summer time began, on the Friday itself, before the evening, after summer time ended.
    for end in [
        "2027-02-03T08:00:00Z",
        "2027-04-20T12:34:56Z",
        "2027-07-02T15:30:00Z",
        "2027-07-02T15:29:59Z",
        "2027-12-31T23:59:59Z",
    ] {
        let end: Timestamp = end.parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut told = Vec::new();
        play(folder.path(), end, &mut told).unwrap();
        let told = String::from_utf8(told).unwrap();
        for line in [
            "Dana said that a person has read the report",
            "Dana gave the code",
            "Lee moved the deadline of disclose",
            "90 days are over: 18 mails came in",
            "    /valid\n    /severity high\n    /accept\n\n    > …\n",
        ] {
            assert!(told.contains(line), "{end}: {line}\n{told}");
        }
        assert!(told.contains("BROKEN"), "{end}: a promise breaks over the weekend");

        let config = Config::load(&folder.path().join("config.toml")).unwrap();
        let mut store = crate::open::to_read(&config).unwrap();
        let status = |n| store.read(|tx| tx.ticket(TicketId(n))).unwrap().unwrap().status;
        let statuses = [1, 2, 3].map(status);
        assert_eq!(statuses, [Status::Closed, Status::Accepted, Status::Closed], "{end}");
    }
}

#[test]
fn words_reach_a_shell_as_they_are() {
    for (text, expect) in
        [("a/b-c_1.toml", "a/b-c_1.toml"), ("my demo", "'my demo'"), ("it's", r"'it'\''s'"), ("$X", "'$X'")]
    {
        assert_eq!(word(text), expect);
    }
}
