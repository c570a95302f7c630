//! Shards against the registry that lists them and the buckets that keep their backups.

use super::{BindingKind, Expected, check::named, file::Environment};
use crate::{Place, Problem, scan::Shards};

/// The jurisdictions of R2; one that only Durable Objects have is not required of a bucket.
const OF_BUCKETS: [&str; 2] = ["eu", "fedramp"];

/// Reports a class whose shards announce themselves to another registry than the Worker reads: queries,
/// backups and exports would miss them.
pub(super) fn registry(expected: &Expected, problems: &mut Vec<Problem>) {
    let Shards { registries, .. } = &expected.shards;
    let read: Option<Vec<&String>> = registries.iter().map(|(name, _)| name.as_ref()).collect();
    // A value that is not a literal may be any binding.
    let (Some(read), [(_, place), ..]) = (read, registries.as_slice()) else { return };
    for class in expected.shards.served_classes() {
        let Some((announced, at)) = &class.registry else { continue };
        if let Some(other) = read.first()
            && !read.contains(&announced)
        {
            let name = &class.name;
            let message = format!(
                "the Worker reads the registry `{other}`, and the shards of `{name}` announce \
                 themselves to `{announced}` ({at})"
            );
            let fix = "name the same binding in both";
            problems.push(Problem::new(place.clone(), message, fix));
        }
    }
}

/// Returns the jurisdiction of buckets that keep rows of the shards, and its place.
pub(super) fn jurisdiction(expected: &Expected) -> Option<&(String, Place)> {
    let classes = expected.shards.served_classes();
    let wanted: Vec<_> = classes.iter().filter_map(|class| class.jurisdiction.as_ref()).collect();
    // A class without one may be what the bucket is for.
    if wanted.len() < classes.len() {
        return None;
    }
    wanted.into_iter().find(|(name, _)| OF_BUCKETS.contains(&name.as_str()))
}

/// Reports a bucket outside the jurisdiction of the shards whose rows it keeps.
pub(super) fn buckets(
    environment: &Environment<'_>,
    expected: &Expected,
    problems: &mut Vec<Problem>,
) {
    let Some((jurisdiction, at)) = jurisdiction(expected) else { return };
    for (bucket, _) in &expected.shards.buckets {
        let Some((has, place)) = environment.bucket_jurisdiction(bucket) else { continue };
        let classes = expected.shards.served_classes();
        let mut wanted = classes.iter().filter_map(|class| class.jurisdiction.as_ref());
        if wanted.any(|(name, _)| Some(name.as_str()) == has) {
            continue;
        }
        let has =
            has.map_or("no jurisdiction".to_owned(), |has| format!("the jurisdiction `{has}`"));
        let file = environment.name.map(|name| named(environment.file.file(), Some(name)));
        let file = file.map_or(String::new(), |file| format!(" in {file}"));
        let list = BindingKind::Bucket.list();
        let message = format!(
            "the bucket `{bucket}` of `{list}`{file} has {has}, and it keeps backups of shards that \
             stay in `{jurisdiction}` ({at})"
        );
        let member = match environment.file.is_toml() {
            true => format!("jurisdiction = \"{jurisdiction}\""),
            false => format!("\"jurisdiction\": \"{jurisdiction}\""),
        };
        let fix = format!(
            "create a bucket with `--jurisdiction {jurisdiction}`, and add {member} to its entry"
        );
        problems.push(Problem::new(place, message, fix).into_warning());
    }
}
