//! Reading a mail, against what the mail parser alone would cost.

use std::hint::black_box;

use disclosed::testing::mail::read::read;
use mail_parser::MessageParser;

use crate::figure::{median, median_ratio, print, timed};
use crate::mails;

/// Rounds of one pair each.
const ROUNDS: usize = 300;

pub(crate) fn measure() {
    for (what, raw) in [("a text", mails::text(1, 20_000)), ("a mail with a proof", mails::with_attachment(1, 20_000))]
    {
        let parser = MessageParser::default();
        let pair = || {
            let ours = timed(|| black_box(read(black_box(&raw)))).0;
            let alone = timed(|| black_box(parser.parse(black_box(&raw)))).0;
            (ours, alone)
        };
        let pairs: Vec<_> = std::iter::repeat_with(pair).take(ROUNDS).collect();
        let speed = median(pairs.iter().map(|(ours, _)| raw.len() as f64 / ours.as_secs_f64() / 1e6));
        print("reading", &format!("{what} of 20 kB, against mail-parser alone"), median_ratio(&pairs), "times", None);
        print("reading", &format!("{what} of 20 kB"), speed, "MB/s", None);
    }
}
