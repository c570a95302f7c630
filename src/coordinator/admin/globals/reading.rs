//! Reads the global tables to their end, after the shards of an export.

use std::{collections::VecDeque, rc::Rc};

use serde::{Deserialize, Serialize};

use super::{GlobalData, GlobalLines};
use crate::errors::LunoraError;

/// The position of an export in the global tables: between two pages.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GlobalPosition {
    /// The tables that are read.
    done: Vec<String>,
    /// The table that was left.
    table: Option<String>,
    after: Option<String>,
}

/// The global tables of an export, of which some are read.
pub(in crate::coordinator::admin) struct GlobalReading {
    data: Rc<dyn GlobalData>,
    tables: VecDeque<String>,
    pub(in crate::coordinator::admin) position: GlobalPosition,
}

impl GlobalReading {
    pub(in crate::coordinator::admin) fn new(
        data: Rc<dyn GlobalData>,
        tables: Vec<String>,
    ) -> Self {
        Self { data, tables: tables.into(), position: GlobalPosition::default() }
    }

    /// Continues where an export was left. A table that is gone meanwhile is left out.
    pub(in crate::coordinator::admin) fn resume(&mut self, position: GlobalPosition) {
        self.tables.retain(|table| !position.done.contains(table));
        if let Some(left) = &position.table {
            self.tables.retain(|table| table != left);
            self.tables.push_front(left.clone());
        }
        self.position = position;
    }

    /// Returns the names of the tables that are to be read.
    #[cfg(feature = "admin")]
    pub(in crate::coordinator::admin) fn tables(&self) -> impl Iterator<Item = &String> {
        self.tables.iter()
    }

    pub(in crate::coordinator::admin) fn is_over(&self) -> bool {
        self.tables.is_empty()
    }

    /// Returns the next page with its table; `None` after the last one.
    pub(in crate::coordinator::admin) async fn next(
        &mut self,
    ) -> Result<Option<(String, GlobalLines)>, LunoraError> {
        let Some(table) = self.tables.front().cloned() else { return Ok(None) };
        let page = self.data.page(&table, self.position.after.as_deref()).await;
        let page = page.map_err(|error| {
            let detail = error.to_body().error;
            let message = format!("global table `{table}`: {}", detail.message);
            LunoraError::custom(detail.code, error.status().as_u16(), message).with_source(error)
        })?;
        self.position.after.clone_from(&page.next);
        if page.next.is_some() {
            self.position.table = Some(table.clone());
        } else {
            self.position.table = None;
            self.position.done.push(table.clone());
            self.tables.pop_front();
        }
        Ok(Some((table, page)))
    }
}
