//! `auth/*`: users, sessions and organizations, as one table of operations.

use futures::future::LocalBoxFuture;
use http::Method;
use serde_json::{Map, Value, json};

use super::{AdminCall, AreaHandler, unhandled};
use crate::{
    errors::{Code, LunoraError},
    message::Response,
    platform::{AuthAdmin, AuthOp},
};

/// The routes for the user management of an application.
pub(crate) struct Auth<T>(pub(crate) T);

/// A field of an operation's input: its name, its kind, and whether it is required.
type Field = (&'static str, Kind, bool);

/// The kind of a field.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    /// A non-empty string.
    Text,
    /// A number.
    Number,
    /// An object.
    Object,
    /// A non-blank string, or a list of them.
    Role,
    /// An object of lists of strings.
    Permission,
}

const fn required(name: &'static str) -> Field {
    (name, Kind::Text, true)
}

const fn optional(name: &'static str) -> Field {
    (name, Kind::Text, false)
}

/// An operation: its path, its input, and whether its response is only an acknowledgement.
struct Operation {
    op: &'static str,
    does: AuthOp,
    fields: &'static [Field],
    void: bool,
    /// Passes the input unchanged: docs/wire.md names no fields.
    open: bool,
}

const fn gives(op: &'static str, does: AuthOp, fields: &'static [Field]) -> Operation {
    Operation { op, does, fields, void: false, open: false }
}

const fn does(op: &'static str, does: AuthOp, fields: &'static [Field]) -> Operation {
    Operation { op, does, fields, void: true, open: false }
}

const fn open(op: &'static str, does: AuthOp, void: bool) -> Operation {
    Operation { op, does, fields: &[], void, open: true }
}

const LIMIT: Field = ("limit", Kind::Number, false);
const OFFSET: Field = ("offset", Kind::Number, false);
const ROLE: Field = ("role", Kind::Role, true);
const DATA: Field = ("data", Kind::Object, true);
const PERMISSION: Field = ("permission", Kind::Permission, true);
const METADATA: Field = ("metadata", Kind::Object, false);
const OF_ORGANIZATION: &[Field] = &[LIMIT, OFFSET, required("organizationId")];
const OF_USER: &[Field] = &[required("userId")];

/// Lists every operation of the plane.
const OPERATIONS: &[Operation] = &[
    gives("auth/capabilities", AuthOp::Capabilities, &[]),
    gives("auth/config", AuthOp::Config, &[]),
    gives(
        "auth/users",
        AuthOp::ListUsers,
        &[
            LIMIT,
            OFFSET,
            optional("filterField"),
            optional("filterValue"),
            optional("search"),
            optional("searchField"),
            optional("sortBy"),
            optional("sortDirection"),
        ],
    ),
    gives("auth/sessions", AuthOp::ListSessions, &[LIMIT, OFFSET, optional("userId")]),
    gives("auth/accounts", AuthOp::ListAccounts, OF_USER),
    gives("auth/passkeys", AuthOp::ListPasskeys, OF_USER),
    gives("auth/organizations", AuthOp::ListOrganizations, &[LIMIT, OFFSET]),
    gives("auth/organizations/members", AuthOp::ListMembers, OF_ORGANIZATION),
    gives("auth/organizations/invitations", AuthOp::ListInvitations, OF_ORGANIZATION),
    gives("auth/organizations/teams", AuthOp::ListTeams, OF_ORGANIZATION),
    gives(
        "auth/organizations/teams/members",
        AuthOp::ListTeamMembers,
        &[LIMIT, OFFSET, required("teamId")],
    ),
    gives("auth/organizations/roles", AuthOp::ListOrgRoles, OF_ORGANIZATION),
    gives("auth/sign-up-invitations", AuthOp::ListSignUpInvitations, &[LIMIT, OFFSET]),
    gives(
        "auth/users/create",
        AuthOp::CreateUser,
        &[
            ("data", Kind::Object, false),
            required("email"),
            required("name"),
            optional("password"),
            ("role", Kind::Role, false),
        ],
    ),
    gives("auth/users/update", AuthOp::UpdateUser, &[DATA, required("userId")]),
    gives("auth/users/role", AuthOp::SetRole, &[ROLE, required("userId")]),
    gives(
        "auth/users/ban",
        AuthOp::BanUser,
        &[("expiresInSeconds", Kind::Number, false), optional("reason"), required("userId")],
    ),
    gives("auth/users/unban", AuthOp::UnbanUser, OF_USER),
    does(
        "auth/users/password",
        AuthOp::SetUserPassword,
        &[required("newPassword"), required("userId")],
    ),
    does("auth/users/remove", AuthOp::RemoveUser, OF_USER),
    gives("auth/users/impersonate", AuthOp::ImpersonateUser, OF_USER),
    does("auth/sessions/revoke", AuthOp::RevokeUserSession, &[required("sessionId")]),
    does("auth/sessions/revoke-all", AuthOp::RevokeUserSessions, OF_USER),
    does(
        "auth/accounts/unlink",
        AuthOp::UnlinkAccount,
        &[required("accountId"), required("userId")],
    ),
    does("auth/passkeys/delete", AuthOp::DeletePasskey, &[required("passkeyId")]),
    does("auth/two-factor/disable", AuthOp::DisableTwoFactor, OF_USER),
    gives(
        "auth/organizations/create",
        AuthOp::CreateOrganization,
        &[optional("logo"), METADATA, required("name"), optional("ownerId"), optional("slug")],
    ),
    gives(
        "auth/organizations/update",
        AuthOp::UpdateOrganization,
        &[
            optional("logo"),
            METADATA,
            optional("name"),
            required("organizationId"),
            optional("slug"),
        ],
    ),
    does("auth/organizations/remove", AuthOp::DeleteOrganization, &[required("organizationId")]),
    gives(
        "auth/organizations/members/add",
        AuthOp::AddMember,
        &[required("organizationId"), optional("role"), required("userId")],
    ),
    gives(
        "auth/organizations/members/invite",
        AuthOp::InviteMember,
        &[required("email"), optional("inviterId"), required("organizationId"), optional("role")],
    ),
    gives(
        "auth/organizations/members/role",
        AuthOp::UpdateMemberRole,
        &[required("memberId"), ROLE],
    ),
    does("auth/organizations/members/remove", AuthOp::RemoveMember, &[required("memberId")]),
    does(
        "auth/organizations/invitations/cancel",
        AuthOp::CancelInvitation,
        &[required("invitationId")],
    ),
    gives(
        "auth/organizations/teams/create",
        AuthOp::CreateTeam,
        &[required("name"), required("organizationId")],
    ),
    gives(
        "auth/organizations/teams/update",
        AuthOp::UpdateTeam,
        &[required("name"), required("teamId")],
    ),
    does("auth/organizations/teams/remove", AuthOp::RemoveTeam, &[required("teamId")]),
    gives(
        "auth/organizations/teams/members/add",
        AuthOp::AddTeamMember,
        &[required("teamId"), required("userId")],
    ),
    does(
        "auth/organizations/teams/members/remove",
        AuthOp::RemoveTeamMember,
        &[required("teamMemberId")],
    ),
    gives(
        "auth/organizations/roles/create",
        AuthOp::CreateOrgRole,
        &[required("organizationId"), PERMISSION, required("role")],
    ),
    gives(
        "auth/organizations/roles/update",
        AuthOp::UpdateOrgRole,
        &[PERMISSION, required("roleId")],
    ),
    does("auth/organizations/roles/remove", AuthOp::DeleteOrgRole, &[required("roleId")]),
    open("auth/sign-up-invitations/create", AuthOp::CreateSignUpInvitation, false),
    open("auth/sign-up-invitations/revoke", AuthOp::RevokeSignUpInvitation, true),
];

impl<T: AuthAdmin> Auth<T> {
    async fn answer(&self, call: &mut AdminCall<'_>) -> Result<Response, LunoraError> {
        let Some(operation) = OPERATIONS.iter().find(|operation| operation.op == call.op()) else {
            return Err(unhandled(call));
        };
        let given = if *call.method() == Method::GET {
            from_query(call, operation.fields)?
        } else {
            call.body("Auth").await?
        };
        let input = if operation.open { given } else { checked(given, operation.fields)? };
        let Some(answer) = self.0.run(operation.does, &input).await? else {
            return Err(LunoraError::new(
                Code::AuthOpNotSupported,
                format!("this deployment does not support `{}`", operation.does),
            ));
        };
        if operation.void {
            return Ok(Response::raw_json(r#"{"ok":true}"#));
        }
        Response::json(&answer)
    }
}

/// Reads the fields of a list from the query.
fn from_query(call: &AdminCall<'_>, fields: &[Field]) -> Result<Map<String, Value>, LunoraError> {
    let mut given = Map::new();
    for (name, kind, _) in fields {
        let value = match kind {
            Kind::Number => call.query_number(name)?.map(|number| json!(number)),
            _ => call.query(name).map(Value::String),
        };
        if let Some(value) = value {
            given.insert((*name).to_owned(), value);
        }
    }
    Ok(given)
}

/// Checks the known fields, and drops the unknown ones.
fn checked(
    mut given: Map<String, Value>,
    fields: &[Field],
) -> Result<Map<String, Value>, LunoraError> {
    let mut input = Map::new();
    for (name, kind, required) in fields {
        match given.remove(*name) {
            None | Some(Value::Null) if !required => {}
            Some(value) if kind.takes(&value, *required) => {
                input.insert((*name).to_owned(), value);
            }
            _ => {
                return Err(LunoraError::bad_request(format!("`{name}` must be {}", kind.name())));
            }
        }
    }
    Ok(input)
}

impl Kind {
    fn takes(self, value: &Value, required: bool) -> bool {
        let texts = |value: &Value| {
            value.as_array().is_some_and(|texts| texts.iter().all(Value::is_string))
        };
        match self {
            Self::Text => value.as_str().is_some_and(|text| !(required && text.is_empty())),
            Self::Number => value.is_number(),
            Self::Object => value.is_object(),
            Self::Role => {
                value.as_str().is_some_and(|role| !role.trim().is_empty()) || texts(value)
            }
            Self::Permission => {
                value.as_object().is_some_and(|permission| permission.values().all(texts))
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Object => "an object",
            Self::Role => "a text, or a list of texts",
            Self::Permission => "an object of lists of texts",
        }
    }
}

impl<T: AuthAdmin> AreaHandler for Auth<T> {
    fn handle<'a>(
        &'a self,
        mut call: AdminCall<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move { self.answer(&mut call).await })
    }
}
