//! The endpoints under `/api/auth/`.

use std::rc::Rc;

use futures::future::LocalBoxFuture;
use headers::{ContentType, HeaderMapExt};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    code::CodeSender,
    credential::{is_https, with_cookie},
    keeper::{Keeper, Live, ms},
    tables::{number, text},
};
use crate::{
    errors::LunoraError,
    message::{Request, Response, to_error_response},
    pipeline::{
        hooks::{Handler, RouteContext},
        hop,
        route::{Route, RoutePattern},
    },
    platform::Environment,
    route,
    wire::iso::to_iso,
};

/// The largest body, in bytes.
const MAX_BODY: usize = 4096;

#[derive(Clone, Copy)]
enum Endpoint {
    SendCode,
    SignIn,
    GetSession,
    SignOut,
    ListSessions,
    RevokeSessions,
}

struct Endpoints<M> {
    keeper: Keeper,
    sender: M,
}

struct Mounted<M> {
    endpoint: Endpoint,
    endpoints: Rc<Endpoints<M>>,
}

/// Returns the routes of the endpoints.
pub(super) fn routes<E: Environment, M: CodeSender<E>>(keeper: Keeper, sender: M) -> Vec<Route<E>> {
    let endpoints = Rc::new(Endpoints { keeper, sender });
    let mount = |(pattern, endpoint): (RoutePattern, Endpoint)| {
        Route::with_handler(pattern, Mounted { endpoint, endpoints: endpoints.clone() })
    };
    let all = [
        (route!("POST /api/auth/email-otp/send-verification-otp"), Endpoint::SendCode),
        (route!("POST /api/auth/sign-in/email-otp"), Endpoint::SignIn),
        (route!("GET /api/auth/get-session"), Endpoint::GetSession),
        (route!("POST /api/auth/sign-out"), Endpoint::SignOut),
        (route!("GET /api/auth/list-sessions"), Endpoint::ListSessions),
        (route!("POST /api/auth/revoke-sessions"), Endpoint::RevokeSessions),
    ];
    all.into_iter().map(mount).collect()
}

impl<E: Environment, M: CodeSender<E>> Handler<E> for Mounted<M> {
    fn handle<'a>(
        &'a self,
        request: Request,
        env: &'a E,
        _ctx: &'a RouteContext<'a>,
    ) -> LocalBoxFuture<'a, Result<Response, LunoraError>> {
        Box::pin(async move {
            let answer = match self.endpoints.answer(self.endpoint, request, env).await {
                Err(error) if error.status().is_client_error() => Ok(to_error_response(&error)),
                answer => answer,
            };
            Ok(answer?.with_header("cache-control", "no-store"))
        })
    }
}

impl<M> Endpoints<M> {
    async fn answer<E>(
        &self,
        endpoint: Endpoint,
        request: Request,
        env: &E,
    ) -> Result<Response, LunoraError>
    where
        E: Environment,
        M: CodeSender<E>,
    {
        let keeper = &self.keeper;
        match endpoint {
            Endpoint::SendCode => self.send_code(request, env).await,
            Endpoint::SignIn => sign_in(keeper, request, env).await,
            Endpoint::GetSession => get_session(keeper, &request, env).await,
            Endpoint::SignOut => {
                keeper.sign_out(&request).await?;
                Ok(with_cookie(success(), is_https(&request), "", 0))
            }
            Endpoint::ListSessions => {
                let user_id = keeper.require(&request).await?;
                let rows = keeper.tables.sessions_of(&user_id, keeper.now()).await?;
                Response::json(&rows.iter().map(session_json).collect::<Vec<_>>())
            }
            Endpoint::RevokeSessions => {
                let user_id = keeper.require(&request).await?;
                keeper.tables.end_all_of(&user_id).await?;
                Ok(with_cookie(success(), is_https(&request), "", 0))
            }
        }
    }

    async fn send_code<E>(&self, mut request: Request, env: &E) -> Result<Response, LunoraError>
    where
        E: Environment,
        M: CodeSender<E>,
    {
        #[derive(Deserialize)]
        struct Input {
            email: String,
            r#type: String,
        }

        let Input { email, r#type } = body(&mut request).await?;
        if r#type != "sign-in" {
            return Err(LunoraError::bad_request("`type` must be `sign-in`"));
        }
        let client = hop::client_ip(request.headers()).and_then(|ip| ip.to_str().ok());
        let mail = self.keeper.make_code(&email, client, || env.random_seed()).await?;
        self.sender.send(mail, env).await?;
        Ok(success())
    }
}

async fn sign_in<E: Environment>(
    keeper: &Keeper,
    mut request: Request,
    env: &E,
) -> Result<Response, LunoraError> {
    #[derive(Deserialize)]
    struct Input {
        email: String,
        otp: String,
    }

    let Input { email, otp } = body(&mut request).await?;
    let user_agent = request.header("user-agent");
    let signed_in = keeper.sign_in(&email, &otp, user_agent, || env.random_seed());
    let (credential, user) = signed_in.await?;
    let answer = Response::json(&json!({ "token": credential, "user": user_json(&user) }))?;
    Ok(with_cookie(answer, is_https(&request), &credential, ms(keeper.lifetime) / 1000))
}

async fn get_session<E: Environment>(
    keeper: &Keeper,
    request: &Request,
    env: &E,
) -> Result<Response, LunoraError> {
    let found = keeper.find_and_renew(request, || env.random_seed()).await?;
    let Some(Live { row, renewed }) = found else { return Ok(Response::raw_json("null")) };
    let user = json!({
        "id": text(&row, "user_id"),
        "email": text(&row, "email"),
        "emailVerified": true,
        "name": text(&row, "name"),
        "createdAt": date(&row, "user_created_at"),
        "updatedAt": date(&row, "user_updated_at"),
    });
    let answer = Response::json(&json!({ "session": session_json(&row), "user": user }))?;
    Ok(match renewed {
        Some(credential) => {
            with_cookie(answer, is_https(request), &credential, ms(keeper.lifetime) / 1000)
        }
        None => answer,
    })
}

/// Reads the body. It must be declared as JSON, which the form of a foreign page cannot do: so no such
/// page signs a user in as another one, even if every origin may call.
async fn body<T: DeserializeOwned>(request: &mut Request) -> Result<T, LunoraError> {
    let is_json = request.headers().typed_get::<ContentType>().is_some_and(|content_type| {
        let mime = content_type.to_string();
        mime.split(';').next().is_some_and(|mime| mime.trim() == "application/json")
    });
    if !is_json {
        return Err(LunoraError::bad_request("`content-type` must be `application/json`"));
    }
    request.json(MAX_BODY).await
}

fn success() -> Response {
    Response::raw_json(r#"{"success":true}"#)
}

/// Returns a user as clients see it, of its row.
pub(super) fn user_json(row: &Map<String, Value>) -> Value {
    json!({
        "id": text(row, "id"),
        "email": text(row, "email"),
        "emailVerified": number(row, "email_verified") == 1,
        "name": text(row, "name"),
        "createdAt": date(row, "created_at"),
        "updatedAt": date(row, "updated_at"),
    })
}

/// Returns a session as clients see it: nothing in it is a credential.
pub(super) fn session_json(row: &Map<String, Value>) -> Value {
    json!({
        "id": text(row, "id"),
        "userId": text(row, "user_id"),
        "createdAt": date(row, "created_at"),
        "updatedAt": date(row, "renewed_at"),
        "expiresAt": date(row, "expires_at"),
        "userAgent": row.get("user_agent"),
    })
}

pub(super) fn date(row: &Map<String, Value>, column: &str) -> String {
    to_iso(i64::try_from(number(row, column)).unwrap_or(i64::MAX))
}
