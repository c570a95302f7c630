//! The setter of sessions.

use super::{
    Builder,
    state::{SetSessions, State, once},
};
use crate::{
    platform::Environment,
    sessions::{CodeSender, Sessions},
};

/// Sign-in and sessions. They need the feature `sessions`.
impl<S: State, E: Environment> Builder<S, E> {
    /// Mounts sign-in at `/api/auth/*`, identifies callers by their sessions, and lists users for operators.
    /// Default: no sign-in.
    ///
    /// A caller without a session is asked of [`resolve_identity`](Self::resolve_identity), if it was
    /// called, before or after this. A user management set by `auth_admin` counts in place of this one.
    ///
    /// ```no_run
    /// use lunora::{prelude::*, sessions::{SessionSecret, Sessions}};
    ///
    /// fn app(env: &Env) -> Result<Lunora, LunoraError> {
    ///     let sessions = Sessions::new(env.d1("DB")?, SessionSecret::from_env(env)?)
    ///         .send_code(async |_mail, _env| Ok(()));
    ///     Ok(Lunora::builder()
    ///         .shard_do(env.durable_object("SHARD")?)
    ///         .sessions(sessions)
    ///         .build())
    /// }
    /// ```
    pub fn sessions<M: CodeSender<E>>(
        mut self,
        sessions: Sessions<E, M>,
    ) -> Builder<SetSessions<S>, E>
    where
        S::Sessions: once::Sessions,
    {
        self.settings.session_identity = Some(Box::new(sessions.identity()));
        #[cfg(feature = "admin")]
        {
            use crate::admin::{AdminArea, Auth};

            self.settings.admin.attach_default(AdminArea::Auth, Auth(sessions.admin()));
        }
        self.routes(sessions.into_routes()).advance()
    }
}
