//! The live subscriptions of a shard, as operators see them.

use std::{cell::RefCell, fmt, rc::Rc};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::wire::operation::{AnswerOf, ArgsOf, ListSubscriptions};

impl ArgsOf<ListSubscriptions> for SubscriptionsArgs {}
impl AnswerOf<ListSubscriptions> for SubscriptionsPage {}

/// The most sockets of a page. Each has at most 32 subscriptions, within 16 KiB.
const MOST: usize = 100;

/// The page to return.
#[derive(Deserialize)]
pub(crate) struct SubscriptionsArgs {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Sockets in the order of their ids.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionsPage {
    pub(crate) sockets: Vec<SocketOfPage>,
    /// The last id of the page; `None` for the last page.
    pub(crate) cursor: Option<String>,
    pub(crate) is_done: bool,
}

/// A socket. It names its user, and has neither claims nor tokens.
#[derive(Serialize)]
pub(crate) struct SocketOfPage {
    pub(crate) id: String,
    pub(crate) subject: Option<String>,
    /// Whether the admin token opened it.
    pub(crate) operator: bool,
    pub(crate) subscriptions: Vec<SubscriptionOfPage>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscriptionOfPage {
    pub(crate) id: String,
    pub(crate) function_path: String,
    pub(crate) args: Box<RawValue>,
    pub(crate) shape: bool,
}

/// Returns at most a number of sockets after an id.
type List = dyn Fn(Option<&str>, usize) -> SubscriptionsPage;

/// The object with the sockets of the shard, if it has one.
#[derive(Default)]
pub(crate) struct Subscriptions(RefCell<Option<Rc<List>>>);

impl Subscriptions {
    pub(crate) fn listed_by(
        &self,
        list: impl Fn(Option<&str>, usize) -> SubscriptionsPage + 'static,
    ) {
        self.0.replace(Some(Rc::new(list)));
    }

    /// Returns a page; an empty one if the shard takes no sockets.
    pub(crate) fn page(&self, args: &SubscriptionsArgs) -> SubscriptionsPage {
        let list = self.0.borrow().clone();
        let limit = args.limit.unwrap_or(MOST).clamp(1, MOST);
        list.map_or_else(
            || SubscriptionsPage { is_done: true, ..SubscriptionsPage::default() },
            |list| list(args.cursor.as_deref(), limit),
        )
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriptions").finish_non_exhaustive()
    }
}
