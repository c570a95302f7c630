//! Every route behind the admin gate, in one table: a path that is not here is not served.

use crate::{errors::Code, wire::paths};

/// A route behind the admin gate.
///
/// To add one: a row in [`ROUTES`], an arm in its cluster's [`handle`](super::ClusterHandler), and
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
    /// The cluster that answers.
    pub(crate) cluster: Cluster,
}

/// A part of the plane that is configured as a whole, or not at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cluster {
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

const fn route(allow: &'static str, path: &'static str, cluster: Cluster) -> AdminRoute {
    AdminRoute {
        path,
        allow,
        bare_405: false,
        forbidden: Code::AdminForbidden,
        socket: false,
        max_body: MIB,
        cluster,
    }
}

const fn get(path: &'static str, cluster: Cluster) -> AdminRoute {
    route("GET", path, cluster)
}

const fn post(path: &'static str, cluster: Cluster) -> AdminRoute {
    route("POST", path, cluster)
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
    post("/_lunora/scheduled", Cluster::Core),
    post("/_lunora/admin/ws-token", Cluster::Core),
    get("/_lunora/admin/functions", Cluster::Core),
    get("/_lunora/admin/cron-jobs", Cluster::Core),
    post("/_lunora/admin/cron-jobs/run", Cluster::Core),
    get("/_lunora/admin/openapi", Cluster::Core),
    get("/_lunora/admin/openrpc", Cluster::Core),
    get("/_lunora/admin/global/tables", Cluster::Global),
    get("/_lunora/admin/global/table", Cluster::Global),
    get("/_lunora/admin/global/facet", Cluster::Global),
    get("/_lunora/admin/scheduled", Cluster::Scheduler),
    get("/_lunora/admin/scheduled/dead", Cluster::Scheduler),
    get("/_lunora/admin/scheduled/status", Cluster::Scheduler),
    get("/_lunora/admin/scheduled/ws", Cluster::Scheduler).socket(),
    post("/_lunora/admin/scheduled/cancel", Cluster::Scheduler),
    post("/_lunora/admin/scheduled/dead/retry", Cluster::Scheduler),
    post("/_lunora/admin/scheduled/dead/cancel", Cluster::Scheduler),
    post("/_lunora/admin/scheduled/pool/release", Cluster::Scheduler),
    route("GET, PUT, POST, DELETE", "/_lunora/admin/storage", Cluster::Storage).takes(32 * MIB),
    get("/_lunora/admin/storage/url", Cluster::Storage),
    get("/_lunora/admin/storage/buckets", Cluster::Storage),
    get("/_lunora/admin/storage/object", Cluster::Storage),
    get("/_lunora/admin/kv/namespaces", Cluster::Kv),
    get("/_lunora/admin/kv/keys", Cluster::Kv),
    route("GET, PUT, DELETE", "/_lunora/admin/kv/value", Cluster::Kv).takes(32 * MIB),
    get("/_lunora/admin/vector/indexes", Cluster::Vector),
    post("/_lunora/admin/vector/query", Cluster::Vector),
    get("/_lunora/admin/workflows/instances", Cluster::Workflows),
    get("/_lunora/admin/workflows/instance", Cluster::Workflows),
    post("/_lunora/admin/workflows/status", Cluster::Workflows),
    post("/_lunora/admin/logs/archive", Cluster::Logs),
    get("/_lunora/admin/auth/capabilities", Cluster::Auth),
    get("/_lunora/admin/auth/config", Cluster::Auth),
    get("/_lunora/admin/auth/users", Cluster::Auth),
    get("/_lunora/admin/auth/sessions", Cluster::Auth),
    get("/_lunora/admin/auth/accounts", Cluster::Auth),
    get("/_lunora/admin/auth/passkeys", Cluster::Auth),
    get("/_lunora/admin/auth/organizations", Cluster::Auth),
    get("/_lunora/admin/auth/organizations/members", Cluster::Auth),
    get("/_lunora/admin/auth/organizations/invitations", Cluster::Auth),
    get("/_lunora/admin/auth/organizations/teams", Cluster::Auth),
    get("/_lunora/admin/auth/organizations/teams/members", Cluster::Auth),
    get("/_lunora/admin/auth/organizations/roles", Cluster::Auth),
    get("/_lunora/admin/auth/sign-up-invitations", Cluster::Auth),
    post("/_lunora/admin/auth/users/create", Cluster::Auth),
    post("/_lunora/admin/auth/users/update", Cluster::Auth),
    post("/_lunora/admin/auth/users/role", Cluster::Auth),
    post("/_lunora/admin/auth/users/ban", Cluster::Auth),
    post("/_lunora/admin/auth/users/unban", Cluster::Auth),
    post("/_lunora/admin/auth/users/password", Cluster::Auth),
    post("/_lunora/admin/auth/users/remove", Cluster::Auth),
    post("/_lunora/admin/auth/users/impersonate", Cluster::Auth),
    post("/_lunora/admin/auth/sessions/revoke", Cluster::Auth),
    post("/_lunora/admin/auth/sessions/revoke-all", Cluster::Auth),
    post("/_lunora/admin/auth/accounts/unlink", Cluster::Auth),
    post("/_lunora/admin/auth/passkeys/delete", Cluster::Auth),
    post("/_lunora/admin/auth/two-factor/disable", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/create", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/update", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/remove", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/members/add", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/members/invite", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/members/role", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/members/remove", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/invitations/cancel", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/teams/create", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/teams/update", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/teams/remove", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/teams/members/add", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/teams/members/remove", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/roles/create", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/roles/update", Cluster::Auth),
    post("/_lunora/admin/auth/organizations/roles/remove", Cluster::Auth),
    post("/_lunora/admin/auth/sign-up-invitations/create", Cluster::Auth),
    post("/_lunora/admin/auth/sign-up-invitations/revoke", Cluster::Auth),
    post("/_lunora/migrate", Cluster::Orchestration).plain_forbidden(),
    post("/_lunora/admin/rank", Cluster::Orchestration).plain_forbidden(),
    post("/_lunora/admin/rankpage", Cluster::Orchestration).plain_forbidden(),
    post("/_lunora/admin/shard-traffic", Cluster::Orchestration).plain_forbidden(),
    post("/_lunora/admin/pitr", Cluster::Orchestration).plain_forbidden(),
    post("/_lunora/admin/export", Cluster::Data).bare_405(),
    post("/_lunora/admin/import", Cluster::Data).bare_405().streaming(),
    post("/_lunora/admin/sync", Cluster::Data).bare_405(),
    post("/_lunora/admin/apply", Cluster::Data).bare_405().takes(paths::MAX_CHANGES),
    post("/_lunora/admin/connector/sync", Cluster::Data).bare_405(),
    post("/_lunora/admin/registry/rebuild", Cluster::Data).takes(16 * MIB),
    get("/_lunora/admin/backup/list", Cluster::Backups),
    get("/_lunora/admin/backup/manifest", Cluster::Backups),
    get("/_lunora/admin/backup/object", Cluster::Backups),
    get("/_lunora/admin/backup/plan", Cluster::Backups),
    get("/_lunora/admin/backup/retention", Cluster::Backups),
    get("/_lunora/admin/backup/status", Cluster::Backups),
    post("/_lunora/admin/backup/create", Cluster::Backups),
    post("/_lunora/admin/backup/prune", Cluster::Backups),
    post("/_lunora/admin/backup/restore", Cluster::Backups),
    get("/_lunora/admin/backup/lease", Cluster::Backups),
    post("/_lunora/admin/backup/finish", Cluster::Backups),
    post("/_lunora/admin/backup/abandon", Cluster::Backups),
    post("/_lunora/admin/backup/verify", Cluster::Backups),
    post("/_lunora/admin/backup/drill", Cluster::Backups),
    #[cfg(test)]
    post("/_lunora/admin/test/shard", Cluster::Test),
    #[cfg(test)]
    post("/_lunora/admin/test/moves", Cluster::Test).bare_405().plain_forbidden(),
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
