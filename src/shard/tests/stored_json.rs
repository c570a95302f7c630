//! Documents as the text that is stored.

use super::*;

#[test]
fn a_stored_text_is_what_reading_and_writing_gives_and_is_read_as_such() {
    let shard = shard();
    let sent = [say(&shard, "one"), say(&shard, "a \"second\" one, 部屋")];
    let read = query(&shard, |ctx| ctx.db().table(MESSAGES).collect_json());
    let (list, reads) = read.unwrap();
    assert_eq!(list.as_str(), serde_json::to_string(&sent).unwrap());
    assert_eq!(serde_json::to_string(&list).unwrap(), list.as_str());
    assert_eq!(list.decode().unwrap(), sent);
    assert_eq!(reads, query(&shard, |ctx| ctx.db().table(MESSAGES).collect()).unwrap().1);

    let (one, reads) = query(&shard, |ctx| ctx.db().get_json(MESSAGES, &sent[1].id)).unwrap();
    assert_eq!(one.unwrap().decode().unwrap(), sent[1]);
    assert_eq!(reads, query(&shard, |ctx| ctx.db().get(MESSAGES, &sent[1].id)).unwrap().1);
    assert!(query(&shard, |ctx| ctx.db().get_json(MESSAGES, "x")).unwrap().0.is_none());
}

#[test]
fn a_stored_text_is_sent_with_what_its_type_leaves_out() {
    #[derive(serde::Deserialize)]
    struct Author {
        author: String,
    }
    const AUTHORS: Table<Author> = table!("messages");

    let shard = shard();
    let sent = say(&shard, "one");
    let (list, _) = query(&shard, |ctx| ctx.db().table(AUTHORS).take_json(1)).unwrap();
    assert_eq!(list.as_str(), serde_json::to_string(&[&sent]).unwrap());
    let decoded = list.decode().unwrap();
    assert_eq!((&*decoded[0].author, &*decoded[0].id), ("ada", &*sent.id));
}

#[cfg(feature = "schema")]
#[test]
fn a_stored_text_has_the_schema_of_what_it_is() {
    let text = schemars::schema_for!(StoredJson<Vec<Document<u8>>>);
    assert_eq!(text, schemars::schema_for!(Vec<Document<u8>>));
}
