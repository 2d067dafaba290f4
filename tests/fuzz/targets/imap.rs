//! The screen before the parser of IMAP answers: however the octets are parted, the same answers come through, and none
//! of them is more than the parser can bear.
#![no_main]

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use disclosed::testing::imap::Screen;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, ReadBuf};

/// Octets in pieces of so many.
struct Pieces<'a>(&'a [u8], usize);

impl AsyncRead for Pieces<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let (now, later) = self.0.split_at(self.0.len().min(self.1).min(buf.remaining()));
        buf.put_slice(now);
        self.0 = later;
        Poll::Ready(Ok(()))
    }
}

type Screened = (Vec<(Vec<u8>, Option<Vec<u8>>)>, Option<&'static str>);

fn screened(said: &[u8], piece: usize) -> Screened {
    let mut screen = Screen::new(Pieces(said, piece));
    screen.keep(40);
    screen.refill();
    let mut answers = Vec::new();
    loop {
        screen.expect();
        let mut answer = Vec::new();
        while !screen.agrees() {
            let mut part = [0; 100];
            let mut part = ReadBuf::new(&mut part);
            match Pin::new(&mut screen).poll_read(&mut Context::from_waker(Waker::noop()), &mut part) {
                Poll::Ready(Ok(())) if !part.filled().is_empty() => answer.extend_from_slice(part.filled()),
                _ => return (answers, screen.fault()),
            }
        }
        answers.push((answer, screen.take_body()));
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, said)) = input.split_first() else { return };
    let whole = screened(said, usize::MAX);
    assert_eq!(screened(said, usize::from(*piece).max(1)), whole, "in pieces of {piece}");
    for (shown, body) in whole.0 {
        assert!(shown.ends_with(b"\n") && shown.len() <= 64 << 10);
        assert!(shown.iter().filter(|octet| **octet == b'(').count() <= 32);
        assert!(body.is_none_or(|body| body.len() <= 41));
    }
});
