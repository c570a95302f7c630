//! The command line.

use std::path::PathBuf;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    conformance::ConformanceArgs,
    migrate::MigrateArgs,
    moment::Moment,
    project::{BuildArgs, ClientArgs, DevArgs, NewArgs},
};

/// Makes, serves and checks a Worker on lunora, and operates its deployment.
///
/// Operator commands use the deployment's admin endpoints, and read their token from
/// LUNORA_ADMIN_TOKEN.
#[derive(Debug, Parser)]
#[command(name = "lunora", version, after_help = EXIT_CODES, next_display_order = None)]
pub(crate) struct Args {
    /// The URL of the deployment, such as https://chat.example.com.
    #[arg(long, env = "LUNORA_URL", default_value = "http://127.0.0.1:8787", global = true)]
    pub(crate) url: String,
    /// Print JSON on the standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Timeout for the beginning of a response, in seconds.
    #[arg(long, default_value_t = 900, global = true)]
    pub(crate) timeout: u64,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands that do not contact a deployment.
const LOCAL: [&str; 7] = ["new", "dev", "build", "check", "codegen", "cron", "completions"];

/// The commands without JSON output.
const WITHOUT_JSON: [&str; 4] = ["new", "dev", "build", "completions"];

/// Reads the command line; prints help and exits if it asks for help, or is malformed.
pub(crate) fn parse() -> Args {
    let matches = command().get_matches();
    Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Defines the command line. The help of a command lists the options that apply to it.
pub(crate) fn command() -> clap::Command {
    let hide = |names: &[&'static str], options: &[&'static str], mut command: clap::Command| {
        for name in names {
            let hidden = options.iter().map(|option| Arg::new(*option).long(*option).hide(true));
            command = command.mut_subcommand(name, |command| command.args(hidden));
        }
        command
    };
    let command = hide(&LOCAL, &["url", "timeout"], Args::command());
    let command = hide(&["conformance"], &["url", "timeout"], command);
    hide(&WITHOUT_JSON, &["json"], command)
}

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  failure, or the backup is overdue
  2  invalid command line
  3  the command ran to its end and found a problem: a damaged snapshot, rejected rows, a failed
     shard, a wrangler.jsonc that lacks what the code needs, a case of conformance that failed
  4  not confirmed";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(NewArgs),
    Dev(DevArgs),
    Build(BuildArgs),
    /// Check the wrangler configuration of a crate against its code, and its generated entry.
    ///
    /// Does not contact a deployment.
    Check {
        /// The folder of the crate.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Add the triggers, bindings and classes that are missing, and keep comments.
        #[arg(long)]
        fix: bool,
    },
    /// Write src/server/index.rs of a crate from its lunora.toml and wrangler.jsonc.
    #[command(args_conflicts_with_subcommands = true)]
    Codegen {
        #[command(subcommand)]
        target: Option<Codegen>,
        /// The folder of the crate.
        #[arg(default_value = ".")]
        dir: PathBuf,
        /// Only check whether it is up to date.
        #[arg(long)]
        check: bool,
    },
    /// Take, list, verify, restore and prune snapshots.
    #[command(subcommand)]
    Backup(Backup),
    /// Show when a cron expression fires on Cloudflare.
    ///
    /// Does not contact a deployment.
    #[command(subcommand)]
    Cron(Cron),
    /// Write every row as NDJSON.
    Export {
        /// The tables, separated by commas; all by default.
        #[arg(long, value_delimiter = ',')]
        tables: Vec<String>,
        /// Export a deployment whose registry lists no shards: its rows are in the default shard.
        #[arg(long)]
        allow_empty_registry: bool,
        /// The file to write; the standard output by default.
        #[arg(short, long)]
        output: Option<PathBuf>,
    },
    /// Add the rows of an NDJSON file; `-` is the standard input.
    Import {
        /// The file, one {"table","doc"} per line.
        file: PathBuf,
        /// The shard of every row; by default each table's own rule decides.
        #[arg(long)]
        shard: Option<String>,
    },
    Migrate(MigrateArgs),
    /// Repair the registry of shards.
    #[command(subcommand)]
    Registry(Registry),
    /// Call a function as a client does.
    ///
    /// Without --token and --as the caller is anonymous.
    Rpc {
        /// The function's path, such as messages:list.
        function: String,
        /// Its arguments, a JSON object.
        #[arg(default_value = "{}")]
        args: String,
        /// The shard; the default shard if absent.
        #[arg(long)]
        shard: Option<String>,
        /// The bearer token of a user.
        #[arg(long, env = "LUNORA_TOKEN", hide_env_values = true, conflicts_with = "as_user")]
        token: Option<String>,
        /// Call as this user, with the admin token. No gate of the Worker is checked.
        #[arg(long = "as", value_name = "USER")]
        as_user: Option<String>,
    },
    Conformance(ConformanceArgs),
    /// Print a completion script for a shell.
    Completions {
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Codegen {
    Client(ClientArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cron {
    /// Print the next times at which a trigger fires, in UTC.
    Next {
        /// The expression, such as '0 3 * * *'. Sunday is 1.
        expression: String,
        /// The number of times to print.
        #[arg(short = 'n', long, default_value_t = 5)]
        count: usize,
        /// Print times after this moment (RFC 3339); now by default.
        #[arg(long)]
        after: Option<Moment>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    /// Register the shards that hold rows and are missing from the registry.
    ///
    /// The platform cannot list Durable Objects. The command asks the shards that the snapshots name, those
    /// that the registry lists, the default shard, and those that are named here. Asking a shard that does
    /// not exist creates an empty one. The exit code is 3 if a shard failed.
    Rebuild {
        /// The exact key of a shard to ask. Can be repeated.
        #[arg(long = "key", value_name = "KEY", allow_hyphen_values = true)]
        keys: Vec<String>,
        /// A file with the exact keys of shards to ask, one per line.
        #[arg(long, value_name = "FILE")]
        keys_from: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// Take a snapshot now; retention never deletes it.
    Create,
    /// List the snapshots, newest first.
    List,
    /// Show the last and the next snapshot of the trigger, whether one is overdue, whether the last was
    /// verified, and how the last drill ended.
    ///
    /// The exit code is 1 if a snapshot or a drill is overdue (missing an hour after its due time), or if
    /// the last drill failed.
    Status,
    /// Read a snapshot back and compare it with its manifest.
    Verify {
        /// The snapshot, as `list` names it.
        id: String,
    },
    /// Restore a snapshot into a scratch shard, and compare what is read back with the snapshot.
    ///
    /// No live row is read or written. Several drills cover many shards in turn.
    Drill {
        /// The snapshot, as `list` names it; the newest by default.
        id: Option<String>,
    },
    /// Put the rows of a snapshot back into the shards that they were taken from.
    ///
    /// An existing row is kept, unless --replace empties the tables first.
    Restore {
        /// The snapshot, as `list` names it; with --to, by default the newest that is old enough.
        #[arg(required_unless_present = "to")]
        id: Option<String>,
        /// Empty the snapshot's tables on every shard first.
        #[arg(long)]
        replace: bool,
        /// Restore to this moment (RFC 3339): replace, then apply the changes since the snapshot.
        #[arg(long)]
        to: Option<Moment>,
        /// Report what a restore would do, and write nothing. The exit code is 3 if it would be refused.
        #[arg(long)]
        dry_run: bool,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
        /// Take no safety snapshot before the first row is written.
        #[arg(long)]
        no_safety_snapshot: bool,
        /// The maximum number of rows per request; the platform limits the work of one request.
        #[arg(long, default_value_t = 20_000)]
        max_rows: u64,
    },
    /// Abandon an interrupted restore, and keep the rows in the shards as they are.
    ///
    /// Until then no snapshot is taken, and retention deletes nothing that the restore needs.
    Abandon {
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Show what retention would delete.
    Retention,
    /// Delete what retention does not keep.
    Prune {
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
}
