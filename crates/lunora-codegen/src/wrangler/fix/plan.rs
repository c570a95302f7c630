//! The entries that a file lacks, with all their values.

use super::{Edit, Item};
use crate::wrangler::{
    BindingKind, Expected, Need, Wrangler,
    file::Environment,
    lack::{Lack, lacks},
    shards::jurisdiction,
};

/// Plans everything that can be added now. The next round adds what that needs.
pub(super) fn edits(file: &Wrangler<'_>, expected: &Expected, named: &[String]) -> Vec<Edit> {
    let environments = file.environments();
    let mut plan =
        Plan { file, environments, expected, named, taken: Vec::new(), edits: Vec::new() };
    for lack in lacks(file, expected).iter().filter(|lack| !lack.is_of_a_base) {
        for environment in &lack.absent {
            plan.add(lack, *environment);
        }
    }
    plan.edits
}

/// The values of an entry beside its name.
struct Values {
    values: Vec<(&'static str, Item)>,
    /// The keys whose values are derived.
    assumed: Vec<&'static str>,
}

impl Values {
    fn of<const N: usize>(values: [(&'static str, Item); N], assumed: &[&'static str]) -> Self {
        Self { values: values.into(), assumed: assumed.into() }
    }
}

struct Plan<'p> {
    file: &'p Wrangler<'p>,
    environments: Vec<Environment<'p>>,
    expected: &'p Expected,
    named: &'p [String],
    /// Bindings of this round, and their classes.
    taken: Vec<(String, String)>,
    edits: Vec<Edit>,
}

impl Plan<'_> {
    fn add(&mut self, lack: &Lack<'_>, environment: Option<&str>) {
        let (list, key, item, assumed) = match &lack.need {
            Need::Cron(cron) => ("triggers.crons", None, Item::text(cron), Vec::new()),
            Need::Binding(kind, name) => {
                let Some(entry) = self.entry(*kind, name, environment) else { return };
                let Values { mut values, assumed } = entry;
                values.insert(0, (kind.name_key(), Item::text(name)));
                (kind.list(), None, Item::Table(values), assumed)
            }
            Need::Class(class) if self.file.class_list() == "exports" => {
                let entry =
                    vec![("type", Item::text("durable-object")), ("storage", Item::text("sqlite"))];
                ("exports", Some(class.clone()), Item::Table(entry), Vec::new())
            }
            Need::Class(class) => return self.migration(class, environment),
        };
        let environment = environment.map(str::to_owned);
        self.edits.push(Edit { environment, list, key, item, assumed });
    }

    /// Adds a class to the one migration of an environment.
    fn migration(&mut self, class: &str, environment: Option<&str>) {
        let list = "migrations";
        let of_this = self
            .edits
            .iter_mut()
            .find(|edit| edit.list == list && edit.environment.as_deref() == environment);
        if let Some(Edit { item: Item::Table(entries), .. }) = of_this {
            if let Some((_, Item::List(classes))) = entries.last_mut()
                && !classes.iter().any(|known| matches!(known, Item::Text(text) if text == class))
            {
                classes.push(Item::text(class));
            }
            return;
        }
        let tags = self.environments.iter().find(|known| known.name == environment);
        let tags = tags.map(Environment::tags).unwrap_or_default();
        let mut number = tags.len() + 1;
        while tags.contains(&format!("v{number}").as_str()) {
            number += 1;
        }
        let item = Item::Table(vec![
            ("tag", Item::text(format!("v{number}"))),
            ("new_sqlite_classes", Item::List(vec![Item::text(class)])),
        ]);
        let environment = environment.map(str::to_owned);
        self.edits.push(Edit { environment, list, key: None, item, assumed: Vec::new() });
    }

    /// Returns the values of a binding; `None` if they cannot be known.
    fn entry(
        &mut self,
        kind: BindingKind,
        name: &str,
        environment: Option<&str>,
    ) -> Option<Values> {
        let name_of_its_own = Item::text(resource(name, environment));
        Some(match kind {
            BindingKind::DurableObject => return self.class(name),
            BindingKind::Bucket => {
                let mut bucket = Values::of([("bucket_name", name_of_its_own)], &["bucket_name"]);
                let keeps_backups = self.expected.shards.buckets.iter().any(|(of, _)| of == name);
                if let Some((place, _)) = jurisdiction(self.expected).filter(|_| keeps_backups) {
                    bucket.values.push(("jurisdiction", Item::text(place)));
                }
                bucket
            }
            BindingKind::D1 => Values::of([("database_name", name_of_its_own)], &["database_name"]),
            BindingKind::Queue => Values::of([("queue", name_of_its_own)], &["queue"]),
            // wrangler creates the namespace, and keeps its id, if it is absent.
            BindingKind::Kv => Values::of([], &[]),
            BindingKind::Service => {
                let service = Item::text(self.elsewhere(kind, name, "service")?);
                Values::of([("service", service)], &["service"])
            }
            BindingKind::Workflow => {
                let class = Item::text(self.elsewhere(kind, name, "class_name")?);
                Values::of([("name", name_of_its_own), ("class_name", class)], &["name"])
            }
            BindingKind::RateLimit => {
                let namespace = Item::text(self.namespace().to_string());
                let limit = vec![("limit", Item::Number(100)), ("period", Item::Number(60))];
                let values = [("namespace_id", namespace), ("simple", Item::Table(limit))];
                Values::of(values, &["namespace_id", "simple"])
            }
        })
    }

    /// Returns a value of the same binding in another environment, if the binding is of this Worker.
    fn elsewhere(&self, kind: BindingKind, name: &str, key: &str) -> Option<String> {
        let mut entries = self.environments.iter().filter_map(|known| known.binding(kind, name));
        let entry = entries.find(|entry| entry.get("script_name").is_none())?;
        entry.string(key).map(str::to_owned)
    }

    fn class(&mut self, name: &str) -> Option<Values> {
        let kind = BindingKind::DurableObject;
        let (class, is_known) = match self.elsewhere(kind, name, "class_name") {
            Some(class) => (class, true),
            None if self.environments.iter().any(|known| known.binding(kind, name).is_some()) => {
                return None;
            }
            None => (self.class_in_code(name)?, false),
        };
        self.taken.push((name.to_owned(), class.clone()));
        let assumed: &[&str] = if is_known { &[] } else { &["class_name"] };
        Some(Values::of([("class_name", Item::text(class))], assumed))
    }

    /// Returns the most likely class of a binding: the only one left of its kind, or that of its name.
    fn class_in_code(&self, name: &str) -> Option<String> {
        if let Some((_, class)) = self.taken.iter().find(|(known, _)| known == name) {
            return Some(class.clone());
        }
        let shards = &self.expected.shards;
        let is_shard = |class: &&String| shards.classes.iter().any(|known| known.name == **class);
        let is_registry = shards.registries.iter().any(|(known, _)| known.as_deref() == Some(name))
            || (shards.classes.iter())
                .filter_map(|class| class.registry.as_ref())
                .any(|(known, _)| known == name);
        let bound: Vec<_> = self.environments.iter().flat_map(Environment::classes).collect();
        let is_free = |class: &&String| {
            !bound.iter().any(|(_, known, _)| known == class)
                && !self.taken.iter().any(|(_, known)| known == *class)
        };
        let declared = self.expected.needs.iter().filter_map(|(need, _)| match need {
            Need::Class(class) => Some(class),
            Need::Cron(_) | Need::Binding(..) => None,
        });
        let free: Vec<&String> =
            declared.filter(is_free).filter(|class| !is_registry || !is_shard(class)).collect();
        let wanted = camel(name);
        if free.contains(&&wanted) {
            return Some(wanted);
        }
        let of_shards: Vec<&&String> = free.iter().filter(|class| is_shard(class)).collect();
        match (free.as_slice(), of_shards.as_slice()) {
            ([class], _) => Some((*class).clone()),
            (_, [class]) if name == "SHARD" => Some((**class).clone()),
            // The entry is generated, and takes the name from here.
            ([], _) if self.named.iter().any(|known| known == name) => Some(wanted),
            _ => None,
        }
    }

    /// Returns a number that no rate limiter of the file has.
    fn namespace(&self) -> u64 {
        let ids = self
            .environments
            .iter()
            .flat_map(|known| known.texts(BindingKind::RateLimit, "namespace_id"));
        let highest = ids.filter_map(|id| id.parse().ok()).fold(1000, u64::max);
        let new = self.edits.iter().filter(|edit| edit.list == BindingKind::RateLimit.list());
        highest.saturating_add(1).saturating_add(new.count() as u64)
    }
}

/// Returns a resource's name: `user-files-staging` for `env.bucket("USER_FILES")` in `staging`.
fn resource(binding: &str, environment: Option<&str>) -> String {
    let text = match environment {
        Some(environment) => format!("{binding}-{environment}"),
        None => binding.to_owned(),
    };
    let text: String = text
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' })
        .take(MAX_NAME)
        .collect();
    let text = text.trim_matches('-');
    if text.len() < MIN_NAME {
        format!("worker-{text}").trim_matches('-').to_owned()
    } else {
        text.to_owned()
    }
}

/// The shortest and the longest name that a bucket may have.
const MIN_NAME: usize = 3;
const MAX_NAME: usize = 63;

/// Returns `ShardRegistry` for `SHARD_REGISTRY`.
fn camel(binding: &str) -> String {
    let words = binding.split(|char: char| !char.is_ascii_alphanumeric());
    words
        .map(|word| {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
        })
        .collect()
}
