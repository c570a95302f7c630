//! Users, sessions and organizations, as operators manage them.

use std::fmt;

use futures::future::LocalBoxFuture;
use serde_json::{Map, Value};

use crate::errors::LunoraError;

/// The user management of an application: its own tables, or the service that holds the users.
///
/// ```
/// use futures::future::LocalBoxFuture;
/// use lunora::{LunoraError, operate::{AuthAdmin, AuthOp}};
/// use serde_json::{Map, Value, json};
///
/// struct Users;
///
/// impl AuthAdmin for Users {
///     fn run<'a>(
///         &'a self,
///         op: AuthOp,
///         _input: &'a Map<String, Value>,
///     ) -> LocalBoxFuture<'a, Result<Option<Value>, LunoraError>> {
///         Box::pin(async move {
///             Ok(match op {
///                 AuthOp::ListUsers => Some(json!({ "rows": [], "total": 0 })),
///                 _ => None,
///             })
///         })
///     }
/// }
/// ```
pub trait AuthAdmin: 'static {
    /// Runs `op`, whose input was checked, and answers as docs/wire.md, "Admin endpoints" says; a
    /// list is `{"rows","total"}` if it has pages. `None` means that the operation is not
    /// supported.
    ///
    /// # Errors
    /// Returns the error that the operator sees, with the codes of the wire: `USER_NOT_FOUND`
    /// (404), `USER_ALREADY_EXISTS` and `ORG_SLUG_TAKEN` (409), `INVITER_REQUIRED`,
    /// `ORG_SLUG_INVALID`, `PASSWORD_TOO_SHORT` and `PASSWORD_TOO_LONG` (400), made by
    /// [`LunoraError::custom`](crate::LunoraError::custom).
    fn run<'a>(
        &'a self,
        op: AuthOp,
        input: &'a Map<String, Value>,
    ) -> LocalBoxFuture<'a, Result<Option<Value>, LunoraError>>;
}

/// Declares [`AuthOp`] from one row per operation.
macro_rules! operations {
    ($($(#[$doc:meta])* $Op:ident = $name:literal;)*) => {
        /// An operation of operators on users, sessions and organizations.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum AuthOp {
            $($(#[$doc])* $Op,)*
        }

        impl AuthOp {
            /// Returns the name of the operation in the reference: `"listUsers"`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Op => $name,)*
                }
            }
        }
    };
}

operations! {
    /// Lists the supported operations: `{"accounts","admin","organization","passkey","twoFactor"}`.
    Capabilities = "capabilities";
    /// The sign-in configuration, without secrets.
    Config = "config";
    /// Users, by page.
    ListUsers = "listUsers";
    /// Sessions, by page, of one user or of all.
    ListSessions = "listSessions";
    /// The accounts that a user signs in with.
    ListAccounts = "listAccounts";
    /// The passkeys of a user.
    ListPasskeys = "listPasskeys";
    /// Organizations, by page.
    ListOrganizations = "listOrganizations";
    /// The members of an organization, by page.
    ListMembers = "listMembers";
    /// The open invitations of an organization, by page.
    ListInvitations = "listInvitations";
    /// The teams of an organization, by page.
    ListTeams = "listTeams";
    /// The members of a team, by page.
    ListTeamMembers = "listTeamMembers";
    /// The roles of an organization, by page.
    ListOrgRoles = "listOrgRoles";
    /// Invitations to sign up, by page.
    ListSignUpInvitations = "listSignUpInvitations";
    /// Makes a user.
    CreateUser = "createUser";
    /// Changes a user.
    UpdateUser = "updateUser";
    /// Sets the role of a user.
    SetRole = "setRole";
    /// Keeps a user out.
    BanUser = "banUser";
    /// Lets a user in again.
    UnbanUser = "unbanUser";
    /// Sets a user's password.
    SetUserPassword = "setUserPassword";
    /// Removes a user.
    RemoveUser = "removeUser";
    /// Makes a session in a user's name.
    ImpersonateUser = "impersonateUser";
    /// Ends a session.
    RevokeUserSession = "revokeUserSession";
    /// Ends every session of a user.
    RevokeUserSessions = "revokeUserSessions";
    /// Takes an account from a user.
    UnlinkAccount = "unlinkAccount";
    /// Deletes a passkey.
    DeletePasskey = "deletePasskey";
    /// Turns a user's second factor off.
    DisableTwoFactor = "disableTwoFactor";
    /// Makes an organization.
    CreateOrganization = "createOrganization";
    /// Changes an organization.
    UpdateOrganization = "updateOrganization";
    /// Deletes an organization.
    DeleteOrganization = "deleteOrganization";
    /// Adds a member to an organization.
    AddMember = "addMember";
    /// Invites a person to an organization.
    InviteMember = "inviteMember";
    /// Sets the role of a member.
    UpdateMemberRole = "updateMemberRole";
    /// Removes a member.
    RemoveMember = "removeMember";
    /// Takes an invitation back.
    CancelInvitation = "cancelInvitation";
    /// Makes a team.
    CreateTeam = "createTeam";
    /// Changes a team.
    UpdateTeam = "updateTeam";
    /// Removes a team.
    RemoveTeam = "removeTeam";
    /// Adds a member to a team.
    AddTeamMember = "addTeamMember";
    /// Removes a member from a team.
    RemoveTeamMember = "removeTeamMember";
    /// Makes a role of an organization.
    CreateOrgRole = "createOrgRole";
    /// Changes a role of an organization.
    UpdateOrgRole = "updateOrgRole";
    /// Deletes a role of an organization.
    DeleteOrgRole = "deleteOrgRole";
    /// Invites a person to sign up.
    CreateSignUpInvitation = "createSignUpInvitation";
    /// Takes an invitation to sign up back.
    RevokeSignUpInvitation = "revokeSignUpInvitation";
}

impl fmt::Display for AuthOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
