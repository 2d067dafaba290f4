//! What the simulated daemon is run with.

/// Two policies to go back and forth between. Both have low caps, so that these are met.
pub(super) const CONFIGS: [&str; 2] = [
    r#"
[limits]
acks_per_sender_day = 2
acks_per_domain_hour = 4
automatic_per_hour = 25

[reports]
digest = "0 0 9 * * Mon"

[[policy.promise]]
name = "acknowledge"
until = "acknowledged"
within = "48h"

[[policy.promise]]
name = "assess"
until = "assessed"
within = "3 business days"
pauses = true

[[policy.promise]]
name = "inform"
every = "14d"

[[policy.promise]]
name = "fix"
until = "fix-released"
within = { critical = "48h", high = "7d", medium = "14d" }

[[policy.promise]]
name = "disclose"
until = "public"
within = "30d"
or_sooner = "fix-released"

[[policy.promise]]
name = "announce"
from = "fix-released"
until = "done"
within = "3d"
"#,
    r#"
[limits]
acks_per_sender_day = 2
acks_per_domain_hour = 4
automatic_per_hour = 25
reports_per_hour = 3
breaker_per_hour = 40

[[person]]
name = "Dana"
address = "dana@example.org"
quiet = "22:00-07:00"
timezone = "Australia/Lord_Howe"

[[person]]
name = "Lee"
address = "lee@example.org"
roles = ["maintainer", "lead"]

[[person]]
name = "Eve"
address = "eve@board.example"
roles = ["escalation"]
quiet = "outside hours"

[policy]
timezone = "America/New_York"
preset = "standard"
hours = { Mon = "10:00-12:00", Fri = "09:00-13:00" }
quiet = "22:00-07:00"

[[policy.rung]]
at = "50%"
to = "owner"

[[policy.rung]]
at = "30%"
to = "reporter"
every = "2d"

[[policy.rung]]
at = "-24h"
to = "team"

[[policy.rung]]
at = "-4h"
to = "lead"

[[policy.rung]]
at = "due"
to = "escalation"

[[policy.rung]]
at = "+1d"
every = "1d"
to = "escalation"
"#,
];
