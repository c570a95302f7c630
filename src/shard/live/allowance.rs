//! The rates of a socket's frames and of its whispers.

/// A token bucket, in the memory of the instance.
#[derive(Debug)]
struct Bucket {
    /// Thousandths of a token.
    balance: i64,
    /// The time of the balance; absent before the first token was asked for.
    at_ms: Option<u64>,
}

impl Bucket {
    const TOKEN: i64 = 1000;

    const fn full(burst: i64) -> Self {
        Self { balance: burst, at_ms: None }
    }

    /// Adds the tokens earned until `now_ms`; tokens per second are thousandths of a token per
    /// millisecond.
    fn earn(&mut self, now_ms: u64, per_second: i64, burst: i64) {
        let elapsed = now_ms.saturating_sub(self.at_ms.unwrap_or(now_ms));
        let earned = i64::try_from(elapsed).unwrap_or(i64::MAX).saturating_mul(per_second);
        self.balance = self.balance.saturating_add(earned).min(burst);
        self.at_ms = Some(now_ms);
    }
}

/// The frames that a socket may still send.
///
/// A frame beyond the allowance is refused but still counted, so a client that continues is closed,
/// and one that pauses is served again.
#[derive(Debug)]
pub(super) struct Allowance(Bucket);

/// The whispers of a socket that others may still get. Each is a frame, too.
///
/// A whisper beyond it is dropped and not counted, so that a client that moves a pointer too fast
/// is heard less often, but goes on being heard.
#[derive(Debug)]
pub(super) struct Whispers(Bucket);

impl Whispers {
    const BURST: i64 = 50 * Bucket::TOKEN;
    const PER_SECOND: i64 = 25;

    pub(super) const fn full() -> Self {
        Self(Bucket::full(Self::BURST))
    }

    /// Takes a whisper that arrived at `now_ms`. Returns `false` if it is one too many.
    pub(super) fn take(&mut self, now_ms: u64) -> bool {
        self.0.earn(now_ms, Self::PER_SECOND, Self::BURST);
        let taken = self.0.balance >= Bucket::TOKEN;
        if taken {
            self.0.balance -= Bucket::TOKEN;
        }
        taken
    }
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
    /// A client that reconnects sends each of its 32 subscriptions again, at once.
    const BURST: i64 = 100 * Bucket::TOKEN;
    /// The frames per second after that.
    pub(super) const PER_SECOND: i64 = 50;
    /// The refused frames after which the socket is closed.
    const CLOSE_AT: i64 = 100 * Bucket::TOKEN;

    pub(super) const fn full() -> Self {
        Self(Bucket::full(Self::BURST))
    }

    /// Counts a frame that arrived at `now_ms`.
    pub(super) fn count(&mut self, now_ms: u64) -> Verdict {
        self.0.earn(now_ms, Self::PER_SECOND, Self::BURST);
        self.0.balance -= Bucket::TOKEN;
        match self.0.balance {
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
    fn drops_whispers_beyond_a_burst_and_serves_twenty_five_a_second_after_it() {
        let mut whispers = Whispers::full();
        let taken = |whispers: &mut Whispers, times: std::ops::Range<u64>, step: u64| {
            times.filter(|n| whispers.take(n * step)).count()
        };
        assert_eq!(taken(&mut whispers, 0..1000, 0), 50);
        // A client that sends sixty a second is heard twenty-five times a second, for ever.
        assert_eq!(taken(&mut whispers, 0..6000, 16), 96 * 25 - 1);
    }

    #[test]
    fn a_clock_that_goes_back_earns_nothing() {
        let mut allowance = Allowance::full();
        verdicts(&mut allowance, 100, 1000);
        assert_eq!(allowance.count(0), Verdict::Refused);
    }
}
