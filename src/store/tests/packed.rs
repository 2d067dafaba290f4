//! What is packed comes back, whoever packed it.

use data_encoding::BASE64;
use zstd::zstd_safe::get_dict_id_from_frame;

use super::*;
use crate::store::packed::{DICTIONARY, NOTICE, PIECE, pack, unpack};

/// As it leaves; its row says `n@x.test`.
const LETTER: &[u8] = b"Message-ID: <n@x.test>\r\nMIME-Version: 1.0\r\n\r\nThank you for your report to Example.\r\n";

fn corrupt<T: Debug>(result: Result<T>) -> String {
    match result {
        Err(StoreError::Corrupt(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// A database in which notice 1 says so, and waits.
fn with_notice(bytes: &[u8]) -> Store {
    let store = filled();
    store.connection.execute("UPDATE letter SET bytes = ?1", [bytes]).unwrap();
    store
}

fn rows(store: &Store, table: &str) -> u32 {
    store.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0)).unwrap()
}

/// G3: what may leave again is as it was made; what may not, is packed, and says the same.
#[test]
fn a_notice_is_packed_when_it_is_settled_for_good() {
    use NoticeState::{Held, Refused, Sending, Sent, Unknown, Waiting};
    for state in [Waiting, Sending, Held, Sent, Unknown, Refused] {
        let mut store = with_notice(LETTER);
        store.write(|tx| tx.settle(1, 1, &Settled { state, ..plans::SENT })).unwrap();
        let over = matches!(state, Sent | Unknown | Refused);
        assert_eq!((rows(&store, "letter"), rows(&store, "packed")), (u32::from(!over), u32::from(over)), "{state:?}");
        assert_eq!(store.read(|tx| tx.notice_bytes(1)).unwrap(), LETTER);
        if state == Waiting {
            assert_eq!(store.write(|tx| tx.pick(at(9), &[])).unwrap().unwrap().bytes, LETTER);
        }
    }
}

/// Whatever it is, it comes back octet by octet.
#[test]
fn what_cannot_be_packed_stays_as_it_is() {
    let mut large = vec![b'n'; PIECE];
    for (bytes, packed) in [
        (&b""[..], 1),
        (&large.clone(), 1),
        (b"\0 n", 0),
        (b"\xFF", 0),
        (
            {
                large.push(b'n');
                &large
            },
            0,
        ),
    ] {
        let mut store = with_notice(bytes);
        store.write(|tx| tx.settle(1, 1, &plans::SENT)).unwrap();
        assert!(store.read(|tx| tx.notice_bytes(1)).unwrap() == bytes);
        assert_eq!(rows(&store, "packed"), packed);
    }
}

/// Rows stay for ever: these were written with the first dictionary, and before there was one.
#[test]
fn what_an_earlier_version_packed_is_read() {
    let sum = data_encoding::HEXLOWER.encode(&Sha256::digest(DICTIONARY));
    assert_eq!(
        sum, "d771a407e598e36e76f035a6bf5cc79939b92cdd53fba4f402e697ffc04ca2d7",
        "the bytes of a dictionary never change"
    );
    let frame = |text: &str| BASE64.decode(text.as_bytes()).unwrap();
    let first = frame("KLUv/SUBVNUAAFhuQHgudGVzdD4NCgP8OuwHwJiEBv21JKMD8RSmKA==");
    assert_eq!(get_dict_id_from_frame(&first).map(u32::from), Some(1));
    assert_eq!(unpack(&first).unwrap(), LETTER);
    assert_eq!(
        unpack(&frame("KLUv/SAhCQEARnJvbTogYUBiLnRlc3QNCg0KSXQgaXMgYnJva2VuLg0K")).unwrap(),
        b"From: a@b.test\r\n\r\nIt is broken.\r\n"
    );
}

#[test]
fn damage_is_told_and_costs_no_memory() {
    let packed = pack(LETTER, NOTICE).unwrap();
    for at in 0..packed.len() {
        corrupt(unpack(&packed[..at]));
        for bit in 0..8 {
            let mut other = packed.clone();
            other[at] ^= 1 << bit;
            // One bit of a frame says nothing.
            if let Ok(text) = unpack(&other) {
                assert_eq!(text, LETTER, "octet {at}, bit {bit}");
            }
        }
    }
    // It says that it is of 2^62 octets.
    corrupt(unpack(&[0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 0, 0, 0x40]));
    let newer = corrupt(unpack(&[0x28, 0xB5, 0x2F, 0xFD, 0x21, 2, 0, 1, 0, 0]));
    assert!(newer.contains("dictionary 2"), "{newer}");

    let mut store = with_notice(LETTER);
    store.write(|tx| tx.settle(1, 1, &plans::SENT)).unwrap();
    store.connection.execute("UPDATE packed SET bytes = x'28B52FFD'", []).unwrap();
    corrupt(store.read(|tx| tx.notice_bytes(1)));
}

/// What version 5 sent stays as it is, what waits leaves as it was, and what was said is not said again.
#[test]
fn notices_of_an_earlier_version_are_there() {
    let old = Connection::open_in_memory().unwrap();
    STEPS.iter().take(5).for_each(|step| old.execute_batch(step).unwrap());
    old.execute_batch("INSERT INTO address VALUES (1, 'r@x.test', 'r@x.test')").unwrap();
    for (id, state) in [(1, "sent"), (2, "waiting"), (3, "refused")] {
        let sql =
            "INSERT INTO outbox (id, created, kind, lane, recipient, revision, message_id, state, due, envelope, bytes)
                   VALUES (?1, 0, 'report', 3, 1, 1, 'n@x.test', ?2, 0, 'e@x.test', ?3)";
        old.execute(sql, params![id, state, if id == 3 { b"" } else { LETTER }]).unwrap();
    }
    let of_before = Sha256::digest(key().to_string());
    let of_before = [&[0; 4], &of_before[4..]].concat();
    old.execute("INSERT INTO notice_key VALUES (?1, 2)", [of_before]).unwrap();
    old.pragma_update(None, "user_version", 5).unwrap();
    let mut store = Store::with(old).unwrap();
    let all = store.read(|tx| (1..=3).map(|n| tx.notice_bytes(n)).collect::<Result<Vec<_>>>()).unwrap();
    assert_eq!(all, [LETTER, LETTER, b""]);
    assert_eq!(store.read(|tx| tx.noticed(&key())).unwrap(), Some(2));
    let claim = store.write(|tx| tx.pick(at(9), &[])).unwrap().unwrap();
    assert_eq!((claim.number, claim.bytes.as_slice(), claim.envelope.is_some()), (2, LETTER, true));
}
