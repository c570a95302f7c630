//! Pages that keep their bounds while documents come and go.

use proptest::prelude::*;

use super::*;
use crate::shard::testing::TestShard;

fn ranked_message(rank: Option<f64>, text: String) -> Message {
    Message { rank, ..message("ada", &text) }
}

/// Inserts a document and returns its id.
fn insert(shard: &TestShard, rank: Option<f64>, text: String) -> String {
    mutate(shard, |ctx| ctx.db().insert(MESSAGES, ranked_message(rank, text))).unwrap().id
}

fn remove(shard: &TestShard, id: &str) {
    assert!(mutate(shard, |ctx| ctx.db().delete(MESSAGES, id)).unwrap());
}

/// The orders that the tests page by.
#[derive(Clone, Copy, Debug)]
enum By {
    Creation(Direction),
    /// By a field that documents may lack.
    Rank(Direction),
}

impl By {
    const ALL: [Self; 4] = [
        Self::Creation(Direction::Asc),
        Self::Creation(Direction::Desc),
        Self::Rank(Direction::Asc),
        Self::Rank(Direction::Desc),
    ];

    fn of<'a>(self, all: TableQuery<'a, Message>) -> TableQuery<'a, Message> {
        match self {
            Self::Creation(direction) => all.order(direction),
            Self::Rank(direction) => {
                all.index("by_author_rank").eq("author", "ada").order(direction)
            }
        }
    }

    fn every_id(self, shard: &TestShard) -> Vec<String> {
        let (all, _) = query(shard, |ctx| self.of(ctx.db().table(MESSAGES)).collect()).unwrap();
        all.into_iter().map(|message| message.id).collect()
    }

    fn page(
        self,
        shard: &TestShard,
        request: &PageRequest,
    ) -> Result<Page<Document<Message>>, LunoraError> {
        query(shard, |ctx| self.of(ctx.db().table(MESSAGES)).page(request)).map(|(page, _)| page)
    }
}

fn request(cursor: Option<&str>, end_cursor: Option<&str>, num_items: u32) -> PageRequest {
    PageRequest {
        cursor: cursor.map(str::to_owned),
        end_cursor: end_cursor.map(str::to_owned),
        num_items,
    }
}

fn ids(page: &Page<Document<Message>>) -> Vec<String> {
    page.page.iter().map(|message| message.id.clone()).collect()
}

/// A client that shows pages one after another: each earlier one has an end.
struct Feed {
    by: By,
    num_items: u32,
    /// The start and the end of each page.
    bounds: Vec<(Option<String>, Option<String>)>,
}

impl Feed {
    fn new(by: By, num_items: u32) -> Self {
        Self { by, num_items, bounds: vec![(None, None)] }
    }

    /// Returns every page as the shard answers it now; divides pages as a client does.
    fn show(&mut self, shard: &TestShard) -> Vec<Page<Document<Message>>> {
        loop {
            let pages: Vec<_> = self
                .bounds
                .iter()
                .map(|(start, end)| {
                    let asked = request(start.as_deref(), end.as_deref(), self.num_items);
                    self.by.page(shard, &asked).unwrap()
                })
                .collect();
            let items = usize::try_from(self.num_items).unwrap();
            let grown = pages
                .iter()
                .position(|page| page.split_cursor.is_some() && page.page.len() > 2 * items);
            let Some(at) = grown else { return pages };
            let split = pages[at].split_cursor.clone();
            let (start, end) = self.bounds[at].clone();
            self.bounds.splice(at..=at, [(start, split.clone()), (split, end)]);
        }
    }

    /// Ends the last page where it ends now, and opens the next one.
    fn load_more(&mut self, shard: &TestShard) {
        let last = self.show(shard).pop().unwrap();
        if last.is_done {
            return;
        }
        let cursor = Some(last.continue_cursor);
        self.bounds.last_mut().unwrap().1.clone_from(&cursor);
        self.bounds.push((cursor, None));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(Option<f64>),
    /// Inserts many at once, of one rank.
    Import(usize, Option<f64>),
    Delete(prop::sample::Index),
    LoadMore,
}

fn rank() -> impl Strategy<Value = Option<f64>> {
    prop::option::of((-3_i32..4).prop_map(|rank| f64::from(rank) / 2.0))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => rank().prop_map(Step::Insert),
        1 => (1_usize..30, rank()).prop_map(|(count, rank)| Step::Import(count, rank)),
        4 => any::<prop::sample::Index>().prop_map(Step::Delete),
        3 => Just(Step::LoadMore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn live_pages_lose_and_repeat_no_document(
        steps in prop::collection::vec(step(), 1..40),
        num_items in 1_u32..5,
        by in 0..By::ALL.len(),
    ) {
        let (shard, by) = (shard(), By::ALL[by]);
        let mut feed = Feed::new(by, num_items);
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert(rank) => {
                    insert(&shard, rank, n.to_string());
                }
                Step::Import(count, rank) => {
                    for _ in 0..count {
                        insert(&shard, rank, n.to_string());
                    }
                }
                Step::Delete(which) => {
                    let all = by.every_id(&shard);
                    if !all.is_empty() {
                        remove(&shard, which.get::<String>(&all));
                    }
                }
                Step::LoadMore => feed.load_more(&shard),
            }
            let pages = feed.show(&shard);
            let shown: Vec<_> = pages.iter().flat_map(ids).collect();
            let all = by.every_id(&shard);
            // The pages are the first documents of the order: each once, none missing between.
            prop_assert_eq!(&shown, &all[..shown.len()]);
            let last = pages.last().unwrap();
            prop_assert_eq!(last.is_done, shown.len() == all.len());
        }
    }
}

#[test]
fn a_page_with_an_end_keeps_its_bounds_while_documents_come_and_go() {
    for by in By::ALL {
        let shard = shard();
        for n in 0..9 {
            insert(&shard, Some(f64::from(n)), n.to_string());
        }
        let first = by.page(&shard, &request(None, None, 3)).unwrap();
        let end = first.continue_cursor.clone();
        let second = by.page(&shard, &request(Some(&end), None, 3)).unwrap();
        assert!(first.split_cursor.is_none() && !first.is_done);
        let shown = request(None, Some(&end), 3);
        let same = by.page(&shard, &shown).unwrap();
        assert_eq!((ids(&same), same.is_done, &same.continue_cursor), (ids(&first), true, &end));
        // Without its documents, that of the end included, the page is empty and still ends there.
        for id in ids(&first) {
            remove(&shard, &id);
        }
        let empty = by.page(&shard, &shown).unwrap();
        assert_eq!(empty.page, []);
        assert_eq!(
            (empty.is_done, empty.split_cursor, empty.continue_cursor),
            (true, None, end.clone())
        );
        assert_eq!(by.page(&shard, &request(Some(&end), None, 3)).unwrap(), second);
    }
}

#[test]
fn a_page_that_grew_is_cut_off_at_its_split_cursor() {
    let shard = shard();
    let by = By::Rank(Direction::Asc);
    insert(&shard, Some(0.0), "first".to_owned());
    insert(&shard, Some(2.0), "last".to_owned());
    let end = by.page(&shard, &request(None, None, 2)).unwrap().continue_cursor;
    for n in 0..20 {
        insert(&shard, Some(1.0), n.to_string());
    }
    let grown = by.page(&shard, &request(None, Some(&end), 2)).unwrap();
    assert_eq!((grown.page.len(), grown.is_done), (8, false));
    assert_eq!(grown.split_cursor.as_ref(), Some(&grown.continue_cursor));
    let rest = by.page(&shard, &request(grown.split_cursor.as_deref(), Some(&end), 10)).unwrap();
    assert_eq!((rest.page.len(), rest.is_done, &rest.continue_cursor), (14, true, &end));
    assert_eq!([ids(&grown), ids(&rest)].concat(), by.every_id(&shard));
}

#[test]
fn a_page_by_creation_starts_and_ends_in_the_index() {
    use crate::shard::db::{
        key,
        keyset::{OrderBy, beyond, order_sql, stop_at},
    };
    let shard = shard();
    insert(&shard, None, "x".to_owned());
    let position = [SqlValue::Real(1.0), SqlValue::from("a")];
    for (direction, bound) in
        [(Direction::Asc, "_creationTime>?"), (Direction::Desc, "_creationTime<?")]
    {
        let order = [key::expression("_creationTime"), "\"_id\"".to_owned()]
            .map(|expression| OrderBy { expression, direction });
        let (start, _) = beyond(&order, &position, true);
        let (end, _) = stop_at(&order, None, &position).unwrap();
        let plan = |filter: &str| {
            let sql = format!(
                "EXPLAIN QUERY PLAN SELECT \"doc\" FROM \"messages\" WHERE 1 AND {filter} ORDER BY {} LIMIT 5",
                order_sql(&order),
            );
            let params = vec![crate::shard::SqlCell::Null; filter.matches('?').count()];
            format!("{:?}", shard.host().exec(&sql, &params).unwrap().rows)
        };
        let from_start = plan(&start);
        assert!(from_start.contains("SEARCH") && from_start.contains(bound), "{from_start}");
        let both = plan(&format!("{start} AND {end}"));
        assert!(both.contains("_creationTime>? AND _creationTime<?"), "{both}");
        assert!(!both.contains("USE TEMP B-TREE FOR ORDER BY"), "{both}");
    }
}

#[test]
fn a_page_request_has_the_form_of_the_wire_and_a_page_names_its_split_cursor() {
    let shard = shard();
    for n in 0..4 {
        insert(&shard, None, n.to_string());
    }
    let by = By::Creation(Direction::Asc);
    let read = |json: Value| serde_json::from_value::<PageRequest>(json).unwrap();
    let open = read(json!({ "cursor": null, "endCursor": null, "numItems": 3 }));
    let page = by.page(&shard, &open).unwrap();
    assert!(json!(page).get("splitCursor").is_none());
    let closed = read(json!({ "cursor": "", "endCursor": page.continue_cursor, "numItems": 3 }));
    let page = json!(by.page(&shard, &closed).unwrap());
    assert_eq!((&page["isDone"], page["page"].as_array().unwrap().len()), (&json!(true), 3));
    assert!(page["splitCursor"].is_string());
}

#[test]
fn refuses_a_page_of_no_or_too_many_documents_and_an_end_of_another_query() {
    let shard = shard();
    insert(&shard, Some(1.0), "one".to_owned());
    for num_items in [0, 1_001, u32::MAX] {
        let refused = By::ALL[0].page(&shard, &request(None, None, num_items)).unwrap_err();
        assert_eq!(refused.code(), "BAD_REQUEST");
    }
    assert_eq!(By::ALL[0].page(&shard, &request(None, None, 1_000)).unwrap().page.len(), 1);
    let of_rank = By::ALL[2].page(&shard, &request(None, None, 1)).unwrap().continue_cursor;
    for end in ["x", "W10", &of_rank] {
        let refused = By::ALL[0].page(&shard, &request(None, Some(end), 1)).unwrap_err();
        assert_eq!(refused.code(), "BAD_REQUEST", "{end}");
    }
}
