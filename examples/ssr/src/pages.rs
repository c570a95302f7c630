//! The pages.

use lunora::{function, prelude::*, routing::RouteContext, shard::Document};
use maud::{DOCTYPE, Markup, html};
use notes::Note;
use serde_json::{Map, json};

/// Renders what is asked for.
pub async fn render(
    mut request: Request,
    _env: &Env,
    ctx: &RouteContext<'_>,
) -> Result<Response, LunoraError> {
    match (request.method().as_str(), request.path()) {
        ("GET", "/") => {
            let notes = ctx.run_query(function!("notes:list"), &Map::new()).await?;
            Ok(Response::html(board(notes).into_string()))
        }
        ("POST", "/") => {
            let form = request.bytes(16 * 1024).await?;
            if let Some(text) = field(&form, "text") {
                let note = json!({ "text": text });
                ctx.run_mutation::<Document<Note>>(function!("notes:add"), &note).await?;
            }
            Ok(Response::empty().with_status(303).with_header("location", "/"))
        }
        _ => Ok(Response::html(
            page("Not found", html! { p { "There is nothing here." } }).into_string(),
        )
        .with_status(404)),
    }
}

fn board(notes: Vec<Document<Note>>) -> Markup {
    page(
        "Notes",
        html! {
            ul { @for note in &notes { li { (note.text) } } }
            form method="post" {
                label { "A note " input name="text" required maxlength="200"; }
                button { "Add" }
            }
        },
    )
}

fn page(title: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
            }
            body { h1 { (title) } (content) }
        }
    }
}

/// A field of a form.
fn field(form: &[u8], name: &str) -> Option<String> {
    let fields = url::form_urlencoded::parse(form);
    fields.into_iter().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}
