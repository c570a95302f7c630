//! The rate of a socket's frames.

/// The frames that a socket may still send: a token bucket, in the memory of the instance.
///
/// A frame beyond the allowance is refused but still counted, so a client that continues is closed,
/// and one that pauses is served again.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Thousandths of a frame, from `-CLOSE_AT` to `BURST`.
    balance: i64,
    /// The time of the balance; absent before the first frame.
    at_ms: Option<u64>,
}

/// The outcome of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Served,
    Refused,
    /// The client continued after its frames were refused.
    Closed,
}

impl Allowance {
    const FRAME: i64 = 1000;
    /// A client that reconnects sends each of its 32 subscriptions again, at once.
    const BURST: i64 = 100 * Self::FRAME;
    /// The frames per second after that, which are thousandths of a frame per millisecond.
    pub(super) const PER_SECOND: i64 = 50;
    /// The refused frames after which the socket is closed.
    const CLOSE_AT: i64 = 100 * Self::FRAME;

    pub(super) const fn full() -> Self {
        Self { balance: Self::BURST, at_ms: None }
    }

    /// Counts a frame that arrived at `now_ms`.
    pub(super) fn count(&mut self, now_ms: u64) -> Verdict {
        let elapsed = now_ms.saturating_sub(self.at_ms.unwrap_or(now_ms));
        let earned = i64::try_from(elapsed).unwrap_or(i64::MAX).saturating_mul(Self::PER_SECOND);
        self.balance = self.balance.saturating_add(earned).min(Self::BURST) - Self::FRAME;
        self.at_ms = Some(now_ms);
        match self.balance {
            0.. => Verdict::Served,
            balance if balance > -Self::CLOSE_AT => Verdict::Refused,
            _ => Verdict::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(allowance: &mut Allowance, frames: u32, at_ms: u64) -> Vec<Verdict> {
        let mut verdicts: Vec<_> = (0..frames).map(|_| allowance.count(at_ms)).collect();
        verdicts.dedup();
        verdicts
    }

    #[test]
    fn serves_a_burst_then_refuses_then_closes() {
        let mut allowance = Allowance::full();
        assert_eq!(verdicts(&mut allowance, 100, 7), [Verdict::Served]);
        assert_eq!(verdicts(&mut allowance, 99, 7), [Verdict::Refused]);
        assert_eq!(verdicts(&mut allowance, 5, 7), [Verdict::Closed]);
    }

    #[test]
    fn serves_fifty_frames_a_second_for_ever_and_no_more() {
        let mut allowance = Allowance::full();
        for n in 0..10_000 {
            assert_eq!(allowance.count(n * 20), Verdict::Served, "{n}");
        }
        let mut faster = Allowance::full();
        let closed = (0..10_000).find(|n| faster.count(n * 16) == Verdict::Closed);
        assert!(closed.is_some());
    }

    #[test]
    fn serves_a_client_again_that_paused() {
        let mut allowance = Allowance::full();
        verdicts(&mut allowance, 150, 0);
        assert_eq!(allowance.count(1000), Verdict::Refused);
        assert_eq!(allowance.count(2000), Verdict::Served);
        assert_eq!(verdicts(&mut allowance, 100, u64::MAX), [Verdict::Served]);
    }

    #[test]
    fn a_clock_that_goes_back_earns_nothing() {
        let mut allowance = Allowance::full();
        verdicts(&mut allowance, 100, 1000);
        assert_eq!(allowance.count(0), Verdict::Refused);
    }
}
