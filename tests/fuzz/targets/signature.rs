//! The sieve of DKIM signatures: whatever stands in a header, only what is aligned, whole and fresh is asked for, and no
//! more of it than the limit.
#![no_main]

use disclosed::testing::mail::read::read;
use disclosed::testing::mail::signature::{MOST, Occasion, sieve};
use disclosed::testing::vocabulary::Address;
use libfuzzer_sys::fuzz_target;

const FROM: &str = "From: ann@corp.test\r\nTo: security@example.org\r\nSubject: s\r\n";

fuzz_target!(|input: &[u8]| {
    let (Some(from), Some(ours)) = (Address::parse("ann@corp.test"), Address::parse("security@example.org")) else {
        return;
    };
    // The input as signature fields above a good header, and as a whole mail.
    let signed = [b"DKIM-Signature: ", input, b"\r\n", FROM.as_bytes(), b"\r\ntext\r\n"].concat();
    for raw in [signed.as_slice(), input] {
        let received = "2027-01-04T10:00:00Z".parse().unwrap();
        for to in [None, Some([&ours, &ours])] {
            let occasion = Occasion {
                from: &from,
                to,
                named: false,
                sealer: Some(("google.com", true)),
                pins: &[],
                ways: &[],
                received,
                date: read(raw).date,
            };
            let sieved = sieve(raw, &occasion);
            assert_eq!(sieved, sieve(raw, &occasion), "the same each time");
            assert!(sieved.worth.len() <= MOST);
            for signature in &sieved.worth {
                assert_eq!(signature.domain, "corp.test", "aligned");
                let name = signature.key_name();
                assert!(name.ends_with("._domainkey.corp.test") && name.len() <= 253, "{name}");
                assert!(name.bytes().all(|c| c.is_ascii_graphic()), "{name}");
                for must in ["from", "to", "subject", "date"] {
                    assert!(signature.names.iter().any(|n| n == must), "{must} is signed");
                }
                assert!(!signature.bytes.is_empty());
            }
            for reason in &sieved.refused {
                assert!(reason.chars().all(|c| !c.is_control()), "{reason:?}");
            }
        }
    }
});
