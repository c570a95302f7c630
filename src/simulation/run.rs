//! Running a test over seeds, and making a failure small enough to read.

use std::{
    any::Any,
    cell::Cell,
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use super::{
    World,
    choices::{Choices, shrink},
};
use crate::testing::capture_logs;

/// The variable that runs one seed only: `LUNORA_SEED=17 cargo test`.
const SEED_VARIABLE: &str = "LUNORA_SEED";
/// The most runs that a failure is made smaller in.
const ATTEMPTS: usize = 2_000;
/// The most steps that a report lists.
const LISTED: usize = 20;

/// Runs a test once per seed, each time in a new [`World`] whose every step the seed decides.
///
/// A test fails by a panic, such as that of `assert!`. The failing run is repeated with fewer and
/// fewer events for as long as it fails, and the panic says which seed it was and what happened.
/// The variable `LUNORA_SEED` runs that seed alone. A panic within a shard's function is not a
/// failure but a trap of its instance, as on the platform.
///
/// ```
/// use lunora::{Lunora, platform::Bindings, prelude::*};
/// use lunora::testing::{Faults, simulate};
/// # mod room {
/// #     use lunora::shard::prelude::*;
/// #     #[derive(serde::Deserialize, serde::Serialize)]
/// #     struct Seat {}
/// #     const SEATS: Table<Seat> = table!("seats");
/// #     fn buy(ctx: &Mutation<'_>, _: NoArgs) -> Result<bool, LunoraError> {
/// #         if ctx.db().table(SEATS).count()? > 0 { return Ok(false) }
/// #         ctx.db().insert(SEATS, Seat {}).map(|_| true)
/// #     }
/// #     lunora::shard! {
/// #         pub struct Show;
/// #         tables: [SEATS],
/// #         functions: { mutation "seats:buy" => buy }
/// #     }
/// # }
/// # use room::Show;
///
/// fn app<E: Bindings>(env: &E) -> Result<Lunora<E>, LunoraError> {
///     Ok(Lunora::builder_for::<E>()
///         .shard_do(env.durable_object("SHARD")?)
///         .allow_unauthenticated_shard_access()
///         .build())
/// }
///
/// // Never sells the last seat twice, whatever is lost or crashes.
/// simulate(0..100, |world| {
///     world.shards::<Show>("SHARD").worker(app).faults(Faults::all());
///     let buy = || {
///         let client = world.client();
///         world.spawn(async move { client.call("show", "seats:buy", &serde_json::json!({})).await })
///     };
///     let buyers = [buy(), buy(), buy()];
///     world.run();
///     let sold = buyers.iter().filter_map(|buyer| buyer.take()?.ok()?.result::<bool>());
///     assert!(sold.filter(|sold| *sold).count() <= 1);
/// });
/// ```
///
/// # Panics
/// If the test fails for a seed.
#[allow(clippy::panic, reason = "a test fails by it")]
pub fn simulate(seeds: impl IntoIterator<Item = u64>, test: impl Fn(&World)) {
    let single = std::env::var(SEED_VARIABLE).ok().and_then(|seed| seed.trim().parse().ok());
    let seeds: Box<dyn Iterator<Item = u64>> = match single {
        Some(seed) => Box::new(std::iter::once(seed)),
        None => Box::new(seeds.into_iter()),
    };
    for seed in seeds {
        if let Err(failure) = check_seed(seed, &test) {
            panic!("{}", failure.report(&test));
        }
    }
}

/// Runs a test for one seed, as [`simulate`] does for many.
///
/// # Errors
/// The failure, as it happened.
pub fn check_seed(seed: u64, test: impl Fn(&World)) -> Result<(), Failure> {
    let Ran { made, failure, place, .. } = run(Choices::seeded(seed), false, &test);
    match failure {
        None => Ok(()),
        Some(message) => Err(Failure { seed, message, place, made }),
    }
}

/// The failure of a test for one seed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("seed {seed} fails: {message}")]
pub struct Failure {
    seed: u64,
    message: String,
    place: Option<String>,
    made: Vec<u32>,
}

impl Failure {
    /// Repeats the failure with as little going on as possible, and says what happened.
    #[must_use]
    pub fn report(&self, test: impl Fn(&World)) -> String {
        let smallest = shrink(self.made.clone(), ATTEMPTS, |decisions| {
            let again = run(Choices::replay(decisions), false, &test);
            // Another rule that breaks on the way is another failure.
            (again.failure.is_some() && again.place == self.place).then_some(again.made)
        });
        let last = run(Choices::replay(smallest), true, &test);
        let mut report = format!(
            "{self}\nrepeat it with {SEED_VARIABLE}={}; the shortest way to it:\n",
            self.seed
        );
        let hidden = last.steps.len().saturating_sub(LISTED);
        if hidden > 0 {
            let _ = writeln!(report, "  … {hidden} steps before these");
        }
        for step in &last.steps[hidden..] {
            let _ = writeln!(report, "  - {step}");
        }
        let _ = write!(report, "  => {}", last.failure.as_ref().unwrap_or(&self.message));
        report
    }
}

struct Ran {
    made: Vec<u32>,
    steps: Vec<String>,
    failure: Option<String>,
    /// Where the last panic was.
    place: Option<String>,
}

fn run(choices: Choices, tracing: bool, test: &impl Fn(&World)) -> Ran {
    silence_panics();
    let logs = capture_logs();
    let world = World::new(choices, tracing);
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(|| test(&world)));
    QUIET.set(false);
    let place = PLACE.take();
    let made = world.inner.choices.made();
    let steps = world.inner.steps.take();
    world.inner.clear();
    drop(logs);
    let failure = result.err().map(|panic| message_of(&*panic));
    Ran { made, steps, failure, place }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

thread_local! {
    /// Whether this thread runs a test whose panics are reported here.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Keeps the panics of simulated runs off standard error: they are repeated a thousand times while
/// a failure is made smaller.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let standard = take_hook();
        set_hook(Box::new(move |panic| {
            if QUIET.try_with(Cell::get).unwrap_or_default() {
                let _ =
                    PLACE.try_with(|place| place.set(panic.location().map(ToString::to_string)));
            } else {
                standard(panic);
            }
        }));
    });
}
