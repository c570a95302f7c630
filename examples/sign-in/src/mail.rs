//! The "mail" of development: a line of the log. A deployment calls the service that sends its e-mail.

use std::{cell::RefCell, collections::HashMap};

use lunora::{prelude::*, routing::Route, sessions::CodeMail};

/// Says that codes may be written where others read them.
const VARIABLE: &str = "LUNORA_DEV_MAIL";

thread_local! {
    /// The last code of each address, for the tests.
    static SENT: RefCell<HashMap<String, String>> = RefCell::default();
}

/// "Sends" a code.
pub fn send(mail: &CodeMail, env: &Env) -> Result<(), LunoraError> {
    if env.var(VARIABLE).is_err() {
        return Err(LunoraError::internal("this example sends no e-mail: replace src/mail.rs"));
    }
    worker::console_log!("mail to {}: the code is {}", mail.address(), mail.code());
    let (address, code) = (mail.address().to_owned(), mail.code().to_owned());
    SENT.with_borrow_mut(|sent| sent.insert(address, code));
    Ok(())
}

/// Returns the route that answers the last code of an address; none unless the variable is set.
pub fn routes(env: &Env) -> Option<Route<Env>> {
    env.var(VARIABLE).ok()?;
    Some(Route::new(route!("GET /dev/mail"), async |request, _env, _ctx| {
        let to = request.query("to").unwrap_or_default();
        match SENT.with_borrow(|sent| sent.get(&to).cloned()) {
            Some(code) => Response::text(code),
            None => Response::text("no mail").with_status(404),
        }
    }))
}
