//! The sockets of a shard with their subscriptions, for its operators.

use std::rc::Rc;

use super::{
    attachment::Subscription,
    interfaces::{LiveSocket, SocketHost},
    object::LiveObject,
    sockets::{Handle, Live},
};
use crate::{
    shard::subscriptions::{SocketOfPage, SubscriptionOfPage, SubscriptionsPage},
    wire::paths,
};

impl<H: SocketHost> LiveObject<H> {
    /// Lists the subscriptions of its sockets from now on, when an operator asks the shard for them.
    pub(super) fn list_for_operators(self: &Rc<Self>) {
        let listing = Rc::downgrade(self);
        self.shard().inner.subscriptions.listed_by(move |after, limit| match listing.upgrade() {
            Some(object) => {
                object.wake();
                object.live.page(after, limit)
            }
            None => SubscriptionsPage::default(),
        });
    }
}

impl<S: LiveSocket> Live<S> {
    fn page(&self, after: Option<&str>, limit: usize) -> SubscriptionsPage {
        let mut handles = self.after(after, limit.saturating_add(1));
        let is_done = handles.len() <= limit;
        handles.truncate(limit);
        let cursor = handles.last().filter(|_| !is_done).map(|(id, _)| id.to_string());
        let sockets = handles.iter().map(|(id, handle)| socket_of(id, handle)).collect();
        SubscriptionsPage { sockets, cursor, is_done }
    }
}

fn socket_of<S>(id: &str, handle: &Handle<S>) -> SocketOfPage {
    let subject = handle.who.identity.as_ref().and_then(|identity| identity.user_id());
    SocketOfPage {
        id: id.to_owned(),
        subject: subject.map(str::to_owned),
        operator: handle.attachment.admin.is_some(),
        subscriptions: handle.attachment.subscriptions.iter().map(subscription_of).collect(),
    }
}

fn subscription_of(subscription: &Subscription) -> SubscriptionOfPage {
    let path = &*subscription.function_path;
    let shape = path.strip_prefix(paths::SHAPE_PREFIX);
    SubscriptionOfPage {
        id: subscription.id.clone(),
        function_path: shape.unwrap_or(path).to_owned(),
        args: subscription.args.clone(),
        shape: shape.is_some(),
    }
}
