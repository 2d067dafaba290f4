//! What the people of the demo do, and when.

/// Something that a person does.
pub(super) enum Act {
    /// A mail from outside.
    Mail(&'static str),
    /// An answer to the last notice about a ticket to that person.
    Reply { by: &'static str, ticket: u32, text: &'static str },
    /// The same, with the code that the last notice asks for.
    Confirm { by: &'static str, ticket: u32 },
    /// The reporter, or their answering machine, answers the acknowledgement.
    More { from: &'static str, ticket: u32, headers: &'static str, text: &'static str },
}

/// The command that the end shows as a mail, with its answer.
pub(super) const SHOWN: &str = "/valid\n/severity high\n/accept\n";

/// The day, counted from the first, that stands for "{later}" in what people write.
pub(super) const LATER: i64 = 119;

/// Hours from the start by the clock on the wall, and what is done then. "{date}" in a mail is when it was written.
pub(super) const SCRIPT: &[(i64, Act)] = &[
    (0, Act::Mail(include_str!("path-traversal.eml"))),
    (
        1,
        Act::More {
            from: "alex@researcher.example",
            ticket: 1,
            headers: "Auto-Submitted: auto-replied\n",
            text: "I am away until Monday.\n",
        },
    ),
    (26, Act::Mail(include_str!("session.eml"))),
    (
        64,
        Act::Reply {
            by: "dana",
            ticket: 1,
            text: "/ack\n/claim\n\nThank you, we can see it. I will keep you posted.\n",
        },
    ),
    (70, Act::Mail(include_str!("banner.eml"))),
    (
        71,
        Act::More {
            from: "alex@researcher.example",
            ticket: 1,
            headers: "",
            text: "It also works with a NUL byte in the name.\n",
        },
    ),
    (90, Act::Reply { by: "dana", ticket: 1, text: SHOWN }),
    (92, Act::Reply { by: "dana", ticket: 3, text: "/invalid the version banner is public\n/acept\n" }),
    (
        93,
        Act::Reply {
            by: "dana",
            ticket: 3,
            text: "/reply\n/invalid the version banner is public\n\nThank you. We publish the version on purpose, so this is no vulnerability.\n",
        },
    ),
    (94, Act::Reply { by: "dana", ticket: 3, text: "/close\n" }),
    (
        98,
        Act::Reply {
            by: "lee",
            ticket: 2,
            text: "/reply\n/assign lee\n\nI am sorry that nobody answered in time. We look at it today.\n",
        },
    ),
    (120, Act::Reply { by: "lee", ticket: 2, text: "/severity medium\n/accept\n" }),
    (24 * 20, Act::Reply { by: "dana", ticket: 1, text: "/fix the branch is ready for review\n" }),
    (24 * 31, Act::Reply { by: "dana", ticket: 1, text: "/released 2.1.4\n" }),
    (24 * 45, Act::Reply { by: "dana", ticket: 1, text: "/public https://demo.example/advisories/1\n" }),
    (24 * 45 + 1, Act::Confirm { by: "dana", ticket: 1 }),
    (24 * 46, Act::Reply { by: "dana", ticket: 1, text: "/close\n" }),
    (24 * 80, Act::Reply { by: "lee", ticket: 2, text: "/extend disclose {later} the fix needs a migration\n" }),
];
