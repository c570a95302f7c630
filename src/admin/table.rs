//! Every route behind the admin gate, in one table: a path that is not here is not served.

use crate::{errors::Code, wire::paths};

/// A route behind the admin gate.
///
/// To add one: a row in [`ROUTES`], an arm in its area's [`handle`](super::AreaHandler), and
/// the function that the arm calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminRoute {
    /// The whole path.
    pub(crate) path: &'static str,
    /// The methods, as the header `allow` lists them.
    pub(crate) allow: &'static str,
    /// `true` if another method is answered before the gate, and without a body (docs/wire.md,
    /// "Errors").
    pub(crate) bare_405: bool,
    /// The code of a request that the gate rejects (docs/wire.md, "Admin gate").
    pub(crate) forbidden: Code,
    /// `true` if the credential may be sent as `?token=`, since a browser's sockets cannot send
    /// headers.
    pub(crate) socket: bool,
    /// The largest body, in bytes.
    pub(crate) max_body: usize,
    /// The area that answers.
    pub(crate) area: AdminArea,
}

/// A part of the plane that is configured as a whole, or not at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AdminArea {
    /// Routes of every deployment.
    Core,
    /// Users, sessions and organizations.
    Auth,
    /// Tables that belong to no shard.
    Global,
    /// Namespaces of Workers KV.
    Kv,
    /// Archived logs.
    Logs,
    /// Snapshots.
    Backups,
    /// Export, import, change feeds, the registry of shards.
    Data,
    /// Operations across shards.
    Orchestration,
    /// Batches that an operator delivers to queues.
    Queues,
    /// The scheduler's jobs.
    Scheduler,
    /// Buckets.
    Storage,
    /// Vector indexes.
    Vector,
    /// Instances of workflows.
    Workflows,
    /// Handlers that tests attach.
    #[cfg(test)]
    Test,
}

const MIB: usize = 1024 * 1024;

const fn route(allow: &'static str, path: &'static str, area: AdminArea) -> AdminRoute {
    AdminRoute {
        path,
        allow,
        bare_405: false,
        forbidden: Code::AdminForbidden,
        socket: false,
        max_body: MIB,
        area,
    }
}

const fn get(path: &'static str, area: AdminArea) -> AdminRoute {
    route("GET", path, area)
}

const fn post(path: &'static str, area: AdminArea) -> AdminRoute {
    route("POST", path, area)
}

impl AdminRoute {
    /// Answers another method before the gate, and without a body: for data movement.
    const fn bare_405(self) -> Self {
        Self { bare_405: true, ..self }
    }

    /// Rejects with `FORBIDDEN`: for operations across shards.
    const fn plain_forbidden(self) -> Self {
        Self { forbidden: Code::Forbidden, ..self }
    }

    /// Accepts a body of up to `max_body` bytes.
    const fn takes(self, max_body: usize) -> Self {
        Self { max_body, ..self }
    }

    /// Accepts the credential in the URL as well.
    const fn socket(self) -> Self {
        Self { socket: true, ..self }
    }

    /// Accepts a body of any size: it is read as it arrives, and memory stays bounded.
    const fn streaming(self) -> Self {
        Self { max_body: usize::MAX, ..self }
    }

    /// Returns whether the route answers `method`.
    pub(crate) fn allows(&self, method: &str) -> bool {
        self.allow.split(", ").any(|allowed| allowed == method)
    }
}

/// Every route, in the order of docs/wire.md, "Reserved paths" and "Admin endpoints".
pub(crate) const ROUTES: &[AdminRoute] = &[
    post("/_lunora/scheduled", AdminArea::Core),
    post("/_lunora/queue", AdminArea::Queues).takes(16 * MIB),
    post("/_lunora/admin/ws-token", AdminArea::Core),
    get("/_lunora/admin/functions", AdminArea::Core),
    get("/_lunora/admin/cron-jobs", AdminArea::Core),
    post("/_lunora/admin/cron-jobs/run", AdminArea::Core),
    get("/_lunora/admin/openapi", AdminArea::Core),
    get("/_lunora/admin/openrpc", AdminArea::Core),
    get("/_lunora/admin/global/tables", AdminArea::Global),
    get("/_lunora/admin/global/table", AdminArea::Global),
    get("/_lunora/admin/global/facet", AdminArea::Global),
    get("/_lunora/admin/scheduled", AdminArea::Scheduler),
    get("/_lunora/admin/scheduled/dead", AdminArea::Scheduler),
    get("/_lunora/admin/scheduled/status", AdminArea::Scheduler),
    get("/_lunora/admin/scheduled/ws", AdminArea::Scheduler).socket(),
    post("/_lunora/admin/scheduled/cancel", AdminArea::Scheduler),
    post("/_lunora/admin/scheduled/dead/retry", AdminArea::Scheduler),
    post("/_lunora/admin/scheduled/dead/cancel", AdminArea::Scheduler),
    post("/_lunora/admin/scheduled/pool/release", AdminArea::Scheduler),
    route("GET, PUT, POST, DELETE", "/_lunora/admin/storage", AdminArea::Storage).takes(32 * MIB),
    get("/_lunora/admin/storage/url", AdminArea::Storage),
    get("/_lunora/admin/storage/buckets", AdminArea::Storage),
    get("/_lunora/admin/storage/object", AdminArea::Storage),
    get("/_lunora/admin/kv/namespaces", AdminArea::Kv),
    get("/_lunora/admin/kv/keys", AdminArea::Kv),
    route("GET, PUT, DELETE", "/_lunora/admin/kv/value", AdminArea::Kv).takes(32 * MIB),
    get("/_lunora/admin/vector/indexes", AdminArea::Vector),
    post("/_lunora/admin/vector/query", AdminArea::Vector),
    get("/_lunora/admin/workflows/instances", AdminArea::Workflows),
    get("/_lunora/admin/workflows/instance", AdminArea::Workflows),
    post("/_lunora/admin/workflows/status", AdminArea::Workflows),
    post("/_lunora/admin/logs/archive", AdminArea::Logs),
    get("/_lunora/admin/auth/capabilities", AdminArea::Auth),
    get("/_lunora/admin/auth/config", AdminArea::Auth),
    get("/_lunora/admin/auth/users", AdminArea::Auth),
    get("/_lunora/admin/auth/sessions", AdminArea::Auth),
    get("/_lunora/admin/auth/accounts", AdminArea::Auth),
    get("/_lunora/admin/auth/passkeys", AdminArea::Auth),
    get("/_lunora/admin/auth/organizations", AdminArea::Auth),
    get("/_lunora/admin/auth/organizations/members", AdminArea::Auth),
    get("/_lunora/admin/auth/organizations/invitations", AdminArea::Auth),
    get("/_lunora/admin/auth/organizations/teams", AdminArea::Auth),
    get("/_lunora/admin/auth/organizations/teams/members", AdminArea::Auth),
    get("/_lunora/admin/auth/organizations/roles", AdminArea::Auth),
    get("/_lunora/admin/auth/sign-up-invitations", AdminArea::Auth),
    post("/_lunora/admin/auth/users/create", AdminArea::Auth),
    post("/_lunora/admin/auth/users/update", AdminArea::Auth),
    post("/_lunora/admin/auth/users/role", AdminArea::Auth),
    post("/_lunora/admin/auth/users/ban", AdminArea::Auth),
    post("/_lunora/admin/auth/users/unban", AdminArea::Auth),
    post("/_lunora/admin/auth/users/password", AdminArea::Auth),
    post("/_lunora/admin/auth/users/remove", AdminArea::Auth),
    post("/_lunora/admin/auth/users/impersonate", AdminArea::Auth),
    post("/_lunora/admin/auth/sessions/revoke", AdminArea::Auth),
    post("/_lunora/admin/auth/sessions/revoke-all", AdminArea::Auth),
    post("/_lunora/admin/auth/accounts/unlink", AdminArea::Auth),
    post("/_lunora/admin/auth/passkeys/delete", AdminArea::Auth),
    post("/_lunora/admin/auth/two-factor/disable", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/create", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/update", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/remove", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/members/add", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/members/invite", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/members/role", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/members/remove", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/invitations/cancel", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/teams/create", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/teams/update", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/teams/remove", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/teams/members/add", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/teams/members/remove", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/roles/create", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/roles/update", AdminArea::Auth),
    post("/_lunora/admin/auth/organizations/roles/remove", AdminArea::Auth),
    post("/_lunora/admin/auth/sign-up-invitations/create", AdminArea::Auth),
    post("/_lunora/admin/auth/sign-up-invitations/revoke", AdminArea::Auth),
    post("/_lunora/migrate", AdminArea::Orchestration).plain_forbidden(),
    get("/_lunora/admin/shards", AdminArea::Orchestration),
    post("/_lunora/admin/rank", AdminArea::Orchestration).plain_forbidden(),
    post("/_lunora/admin/rankpage", AdminArea::Orchestration).plain_forbidden(),
    post("/_lunora/admin/shard-traffic", AdminArea::Orchestration).plain_forbidden(),
    post("/_lunora/admin/pitr", AdminArea::Core).plain_forbidden(),
    post("/_lunora/admin/export", AdminArea::Data).bare_405(),
    post("/_lunora/admin/import", AdminArea::Data).bare_405().streaming(),
    post("/_lunora/admin/sync", AdminArea::Data).bare_405(),
    post("/_lunora/admin/apply", AdminArea::Data).bare_405().takes(paths::MAX_CHANGES),
    post("/_lunora/admin/connector/sync", AdminArea::Data).bare_405(),
    post("/_lunora/admin/registry/rebuild", AdminArea::Data).takes(16 * MIB),
    get("/_lunora/admin/backup/list", AdminArea::Backups),
    get("/_lunora/admin/backup/manifest", AdminArea::Backups),
    get("/_lunora/admin/backup/object", AdminArea::Backups),
    get("/_lunora/admin/backup/plan", AdminArea::Backups),
    get("/_lunora/admin/backup/retention", AdminArea::Backups),
    get("/_lunora/admin/backup/status", AdminArea::Backups),
    post("/_lunora/admin/backup/create", AdminArea::Backups),
    post("/_lunora/admin/backup/prune", AdminArea::Backups),
    post("/_lunora/admin/backup/restore", AdminArea::Backups),
    get("/_lunora/admin/backup/lease", AdminArea::Backups),
    post("/_lunora/admin/backup/finish", AdminArea::Backups),
    post("/_lunora/admin/backup/abandon", AdminArea::Backups),
    post("/_lunora/admin/backup/verify", AdminArea::Backups),
    post("/_lunora/admin/backup/drill", AdminArea::Backups),
    #[cfg(test)]
    post("/_lunora/admin/test/shard", AdminArea::Test),
    #[cfg(test)]
    post("/_lunora/admin/test/moves", AdminArea::Test).bare_405().plain_forbidden(),
];

/// Returns the route of a path.
pub(crate) fn find(path: &str) -> Option<&'static AdminRoute> {
    ROUTES.iter().find(|route| route.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_route_and_only_methods_of_http() {
        for (place, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES[..place].iter().all(|other| other.path != route.path), "{}", route.path);
            assert!(route.path.starts_with("/_lunora/"), "{}", route.path);
            for method in route.allow.split(", ") {
                assert!(["GET", "POST", "PUT", "DELETE"].contains(&method), "{}", route.path);
            }
        }
    }
}
