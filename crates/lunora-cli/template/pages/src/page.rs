//! The pages, rendered by [maud](https://maud.lambda.xyz), and the files that they load.

use lunora::{
    function,
    prelude::*,
    routing::{Route, RouteContext, RoutePattern},
    shard::Document,
};
use maud::{DOCTYPE, Markup, html};
use serde_json::json;

use crate::tasks::Task;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The files of the pages.
pub fn files() -> [Route<Env>; 2] {
    [
        file(
            route!("GET /app.js"),
            "text/javascript; charset=utf-8",
            include_str!("../public/app.js"),
        ),
        file(
            route!("GET /style.css"),
            "text/css; charset=utf-8",
            include_str!("../public/style.css"),
        ),
    ]
}

fn file(path: RoutePattern, media_type: &'static str, text: &'static str) -> Route<Env> {
    Route::new(path, async move |_request, _env, _ctx| {
        Response::body(text)
            .with_header("content-type", media_type)
            .with_header("cache-control", "no-cache")
    })
}

/// Renders a list. Its form works without JavaScript; with it, the list is live.
pub async fn render(
    mut request: Request,
    _env: &Env,
    ctx: &RouteContext<'_>,
) -> Result<Response, LunoraError> {
    let list = request.query("list").filter(|list| !list.is_empty());
    let list = list.unwrap_or_else(|| "groceries".to_owned());
    let tasks = ctx.functions().for_shard(list.parse()?);
    match (request.method().as_str(), request.path()) {
        ("GET", "/") => {
            let tasks = tasks.run_query(function!("tasks:list"), &()).await?;
            Ok(Response::html(page(&list, tasks).into_string())
                .with_header("content-security-policy", POLICY)
                .with_header("cache-control", "no-cache"))
        }
        ("POST", "/") => {
            let form = request.bytes(16 * 1024).await?;
            let title = field(&form, "title").unwrap_or_default();
            let task = json!({ "title": title });
            tasks.run_mutation::<Document<Task>>(function!("tasks:add"), &task).await?;
            let list: String = url::form_urlencoded::byte_serialize(list.as_bytes()).collect();
            Ok(Response::empty().with_status(303).with_header("location", format!("/?list={list}")))
        }
        _ => Ok(Response::text("not found").with_status(404)),
    }
}

fn page(list: &str, tasks: Vec<Document<Task>>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "{{project-name}}" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
                script type="module" src="/app.js" {}
            }
            body {
                h1 { "{{project-name}}" }
                p { "Open this page in a second window: both show every change at once." }
                form id="choose" {
                    label { "List " input name="list" value=(list) required maxlength="200"; }
                    " " button { "Open" }
                }
                form id="add" method="post" {
                    label {
                        "Task "
                        input name="title" required maxlength="200" autocomplete="off" autofocus;
                    }
                    " " button { "Add" }
                }
                ul id="tasks" { @for task in &tasks { li { (task.title) } } }
                p id="all" {}
                p id="status" role="status" {}
            }
        }
    }
}

/// A field of a form.
fn field(form: &[u8], name: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(form);
    fields.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
