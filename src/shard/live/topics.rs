//! The topics of whispers, and the sockets that joined them.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

/// The sockets of each topic.
#[derive(Default)]
pub(super) struct Topics(HashMap<Box<str>, BTreeSet<Rc<str>>>);

impl Topics {
    pub(super) fn join(&mut self, topic: &str, socket: &Rc<str>) {
        self.0.entry(topic.into()).or_default().insert(socket.clone());
    }

    pub(super) fn leave(&mut self, topic: &str, socket: &str) {
        if let Some(sockets) = self.0.get_mut(topic) {
            sockets.remove(socket);
            if sockets.is_empty() {
                self.0.remove(topic);
            }
        }
    }

    /// Returns the sockets of a topic, except for one of them.
    pub(super) fn others(&self, topic: &str, socket: &str) -> Vec<Rc<str>> {
        let sockets = self.0.get(topic).into_iter().flatten();
        sockets.filter(|other| ***other != *socket).cloned().collect()
    }

    #[cfg(all(test, feature = "shard-testing"))]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(all(test, feature = "shard-testing"))]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
