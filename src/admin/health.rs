//! Health and readiness (docs/wire.md, "Reserved paths"): for uptime monitors and load balancers.

mod probe;

use std::{cell::RefCell, fmt, time::Duration};

use futures::future::{LocalBoxFuture, join_all};
use headers::CacheControl;
use serde::Serialize;

pub use self::probe::Probe;
use super::{AdminHost, HealthCheck};
use crate::{
    errors::LunoraError,
    log,
    message::{Request, Response},
    platform::{millis, within},
    wire::iso::to_iso,
};

/// The settings of `/_lunora/health` and `/_lunora/health/ready`.
///
/// By default both are public and report whether each check is up; a check of the application is
/// named `custom` there. One check asks the default shard, and one the database of
/// [`global_tables`](crate::builder::Builder::global_tables). Other bindings need no check: one that
/// is missing fails the build of the Worker. A deployment with a [`backup`](crate::builder::Builder::backup) also checks that
/// the snapshot of the last due time exists ([`Backups::status`](crate::backup::Backups::status)); that
/// check is critical, and takes no part in readiness. A report of `/_lunora/health` is cached for 5
/// seconds, which limits the cost of polling; one of readiness is not cached unless
/// [`cache_for`](Self::cache_for) says so.
///
/// `/_lunora/health` is 503 if a critical check is down; `/_lunora/health/ready` if any check that
/// takes part in readiness is down.
///
/// ```
/// use lunora::{Response, operate::{Health, Probe}, testing};
///
/// # let shards = testing::MemoryNamespace::new(async |_, _| Response::empty());
/// let app = testing::builder()
///     .shard_do(shards)
///     .health(
///         Health::new()
///             .app("chat", "1.4.0")
///             .probe(Probe::new("search", async || Ok::<_, std::fmt::Error>(())).critical()),
///     )
///     .build();
/// # let _ = app;
/// ```
pub struct Health {
    app_name: String,
    app_version: String,
    admin_only: bool,
    binding_probes: bool,
    /// `None` for the default.
    cache_for: Option<Duration>,
    timeout: Duration,
    probes: Vec<Probe>,
    /// The last report of each phase.
    cached: RefCell<Vec<(Phase, Report)>>,
}

impl Health {
    /// Creates the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self {
            app_name: "lunora".to_owned(),
            app_version: "0.0.0".to_owned(),
            admin_only: false,
            binding_probes: true,
            cache_for: None,
            timeout: Duration::from_secs(5),
            probes: Vec::new(),
            cached: RefCell::default(),
        }
    }

    /// Sets the application's name and version in reports. Default: `lunora`, `0.0.0`.
    #[must_use]
    pub fn app(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.app_name = name.into();
        self.app_version = version.into();
        self
    }

    /// Answers operators only, and tells them the name of each check and why it is down. By default
    /// the endpoints are public and say neither.
    #[must_use]
    pub fn admin_only(mut self) -> Self {
        self.admin_only = true;
        self
    }

    /// Adds a check. If two have the same name, the later one counts.
    #[must_use]
    pub fn probe(mut self, probe: Probe) -> Self {
        self.probes.retain(|known| known.name != probe.name);
        self.probes.push(probe);
        self
    }

    /// Removes the checks of bindings: `durable-object`, which asks the default shard, and `d1`.
    #[must_use]
    pub fn without_binding_probes(mut self) -> Self {
        self.binding_probes = false;
        self
    }

    /// Sets how long a report is cached; zero for never. Default: 5 seconds, and never for
    /// readiness.
    #[must_use]
    pub fn cache_for(mut self, duration: Duration) -> Self {
        self.cache_for = Some(duration);
        self
    }

    /// Sets how long a check may take before it counts as down; 5 seconds by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns whether only operators are answered.
    pub(crate) fn is_admin_only(&self) -> bool {
        self.admin_only
    }

    /// Answers a `GET` or `HEAD`.
    pub(crate) async fn answer(
        &self,
        host: &dyn AdminHost,
        phase: Phase,
        request: &Request,
        own: Vec<HealthCheck<'_>>,
    ) -> Result<Response, LunoraError> {
        let report = self.report(host, phase, own).await?;
        let body =
            if *request.method() == http::Method::HEAD { String::new() } else { report.body };
        Ok(Response::raw_json(body)
            .with_status(report.status)
            .with_typed(CacheControl::new().with_no_store()))
    }

    async fn report(
        &self,
        host: &dyn AdminHost,
        phase: Phase,
        own: Vec<HealthCheck<'_>>,
    ) -> Result<Report, LunoraError> {
        let now_ms = host.clock().now_ms();
        let cache_for = self.cache_for.unwrap_or(match phase {
            Phase::Aggregate => Duration::from_secs(5),
            Phase::Readiness => Duration::ZERO,
        });
        let fresh = |report: &&Report| now_ms.saturating_sub(report.at_ms) < millis(cache_for);
        let kept = self.cached.borrow().iter().find(|(known, _)| *known == phase).cloned();
        if let Some((_, report)) = kept.filter(|(_, report)| fresh(&report)) {
            return Ok(report);
        }
        let report = self.check(host, phase, now_ms, own).await?;
        let mut cached = self.cached.borrow_mut();
        cached.retain(|(known, _)| *known != phase);
        cached.push((phase, report.clone()));
        Ok(report)
    }

    async fn check(
        &self,
        host: &dyn AdminHost,
        phase: Phase,
        now_ms: u64,
        own: Vec<HealthCheck<'_>>,
    ) -> Result<Report, LunoraError> {
        let probes =
            self.probes.iter().filter(|probe| phase == Phase::Aggregate || probe.readiness);
        let mut runs: Vec<LocalBoxFuture<'_, Check<'_>>> = probes
            .map(|probe| {
                let check = async { probe.check.check().await.map(|()| None) };
                let public = if self.admin_only { &probe.name } else { CUSTOM };
                self.run(host, &probe.name, public, probe.critical, Box::pin(check))
            })
            .collect();
        if self.binding_probes {
            let (name, ask) = ("durable-object", Box::pin(ask_default_shard(host)));
            runs.push(self.run(host, name, name, true, ask));
        }
        let own = own.into_iter().filter(|check| {
            if check.of_binding { self.binding_probes } else { phase == Phase::Aggregate }
        });
        runs.extend(own.map(|check| self.run(host, check.name, check.name, true, check.run)));
        let mut checks: Vec<Check<'_>> = Vec::with_capacity(runs.len());
        for check in join_all(runs).await {
            // There are few of them, and the standard library's sort is large.
            let place = checks.partition_point(|known| known.name <= check.name);
            checks.insert(place, check);
        }

        let down = |critical_only: bool| {
            checks.iter().any(|check| check.status == "down" && (check.critical || !critical_only))
        };
        let status = match (down(true), down(false)) {
            (true, _) => "unhealthy",
            (false, true) => "degraded",
            (false, false) => "healthy",
        };
        let unavailable = down(phase == Phase::Aggregate);
        let body = serde_json::to_string(&Body {
            app_name: &self.app_name,
            app_version: &self.app_version,
            checks,
            status,
            timestamp: i64::try_from(now_ms).map(to_iso).unwrap_or_default(),
        })
        .map_err(LunoraError::internal)?;
        Ok(Report { at_ms: now_ms, status: if unavailable { 503 } else { 200 }, body })
    }

    fn run<'a>(
        &'a self,
        host: &'a dyn AdminHost,
        name: &'a str,
        public_name: &'a str,
        critical: bool,
        check: LocalBoxFuture<'a, Result<Option<String>, LunoraError>>,
    ) -> LocalBoxFuture<'a, Check<'a>> {
        Box::pin(async move {
            let outcome = match within(host.clock(), self.timeout, check).await {
                Some(Ok(note)) => Ok(note),
                Some(Err(error)) => {
                    log::warn(&format!(
                        "the health check `{name}` failed: {}",
                        error.to_log_line()
                    ));
                    Err(error.to_body().error.message.into_owned())
                }
                None => Err("no answer in time".to_owned()),
            };
            let status = if outcome.is_ok() { "up" } else { "down" };
            let message = outcome.unwrap_or_else(Some).filter(|_| self.admin_only);
            Check { critical, message, name: public_name, status }
        })
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health")
            .field("app_name", &self.app_name)
            .field("app_version", &self.app_version)
            .field("admin_only", &self.admin_only)
            .field("probes", &self.probes.len())
            .finish_non_exhaustive()
    }
}

/// The name of a check of the application in public reports.
const CUSTOM: &str = "custom";

/// Calls the default shard; any answer counts as up.
async fn ask_default_shard(host: &dyn AdminHost) -> Result<Option<String>, LunoraError> {
    let shard = host.shard(host.default_shard_key().clone());
    shard.fetch(Request::get("https://shard.internal/_lunora/status")).await?;
    Ok(None)
}

/// The two reports.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Phase {
    /// All checks.
    Aggregate,
    /// The checks for a load balancer.
    Readiness,
}

#[derive(Clone)]
struct Report {
    at_ms: u64,
    status: u16,
    body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    app_name: &'a str,
    app_version: &'a str,
    checks: Vec<Check<'a>>,
    status: &'static str,
    timestamp: String,
}

#[derive(Serialize)]
struct Check<'a> {
    critical: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    name: &'a str,
    status: &'static str,
}
