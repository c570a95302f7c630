use lunora::shard::prelude::*;

const MESSAGES: Table = table!("messages")
    .index("by_author", &["author"])
    .index("by_channel", &["channel"]);

fn count(ctx: &Query<'_>, _: NoArgs) -> Result<u64, LunoraError> {
    ctx.db().table(MESSAGES).index(index!(MESSAGES, "by_autor")).eq("author", "ada").count()
}

fn main() {
    let _ = count;
}
