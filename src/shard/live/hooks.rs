//! Functions that run when a client connects, and when its connection ends.

use std::{cell::Cell, rc::Rc};

use serde_json::value::RawValue;

use super::{
    attachment::Attachment,
    connection::{Connection, Event},
    frame::ShardFrame,
    interfaces::{LiveSocket, SocketHost},
    object::LiveObject,
    sockets::Live,
    whispers::check_wire,
};
use crate::{
    log,
    shard::{
        call::{Envelope, WriteIds},
        caller::{Caller, SharedCaller},
    },
    wire::Identity,
};

impl<S: LiveSocket> Live<S> {
    /// The largest context of a connection, in bytes.
    const MAX_CONTEXT: usize = 4096;

    /// Keeps the context of a connection that a client opens, and has its functions run.
    pub(super) fn begin(&self, id: &str, context: Option<Box<RawValue>>) -> Result<(), String> {
        let Some(hooks) = &self.hooks else { return Ok(()) };
        if let Some(context) = &context {
            if context.get().len() > Self::MAX_CONTEXT {
                let message = "the context of a connection has at most 4096 bytes";
                return Err(ShardFrame::of_code(None, "BAD_REQUEST", message));
            }
            check_wire("the context", context.get())?;
        }
        let Some(handle) = self.entry(id) else { return Ok(()) };
        if handle.attachment.connected {
            return Ok(());
        }
        let kept = self.update(id, |attachment| {
            attachment.connected = true;
            attachment.context.clone_from(&context);
        });
        if !kept {
            let message = "the connection has no room for its context";
            return Err(ShardFrame::of_code(None, "SUBSCRIPTION_PERSIST_FAILED", message));
        }
        let event = Event { ends: false, socket: id.into(), who: handle.who, context };
        hooks.borrow_mut().push_back(event);
        Ok(())
    }

    /// Has the functions of a connection that ended run.
    pub(super) fn end(&self, socket: &Rc<str>, who: &Rc<Caller>, attachment: &Attachment) {
        if let Some(hooks) = &self.hooks
            && attachment.connected
        {
            let (socket, who) = (socket.clone(), who.clone());
            let context = attachment.context.clone();
            hooks.borrow_mut().push_back(Event { ends: true, socket, who, context });
        }
    }

    fn next_event(&self) -> Option<Event> {
        self.hooks.as_ref()?.borrow_mut().pop_front()
    }
}

/// Says that no functions run any more, also if the event that ran them was cancelled.
struct End<'a>(&'a Cell<bool>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<H: SocketHost> LiveObject<H> {
    /// Returns whether functions of connections wait to be run.
    #[cfg(all(feature = "shard-testing", not(target_arch = "wasm32")))]
    pub(crate) fn has_events(&self) -> bool {
        self.live.hooks.as_ref().is_some_and(|hooks| !hooks.borrow().is_empty())
    }

    /// Runs the functions of the connections that began and ended, in that order.
    pub(crate) async fn run_hooks(&self) {
        // One event of the host runs them all: the functions of a connection must not change places.
        if self.runs_hooks.replace(true) {
            return;
        }
        let _end = End(&self.runs_hooks);
        while let Some(event) = self.live.next_event() {
            self.run_hook(event).await;
        }
    }

    async fn run_hook(&self, Event { ends, socket, who, context }: Event) {
        let shard = self.shard();
        let definition = &shard.inner.definition;
        let paths = if ends { &definition.disconnect } else { &definition.connect };
        if paths.is_empty() {
            return;
        }
        let connection = Connection {
            connection_id: socket.to_string(),
            shard_key: shard.inner.state.key().to_owned(),
            user_id: who.identity.as_ref().and_then(Identity::user_id).map(str::to_owned),
            context,
        };
        let Ok(args) = serde_json::to_string(&connection) else { return };
        // Only the server calls these functions; their caller is the user.
        let caller = SharedCaller::new(Caller { system: true, ..Caller::clone(&who) });
        for path in paths {
            let envelope = Envelope { function_path: path.to_string(), args: &args };
            let called = shard.call(&envelope, &caller, &WriteIds::default(), None).await;
            if let Err(error) = called {
                log::error(&format!("the function `{path}`: {}", error.to_log_line()));
            }
        }
    }
}
