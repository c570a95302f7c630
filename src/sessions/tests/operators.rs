//! What operators see and do.

use super::*;
use crate::AdminToken;

const TOKEN: &str = "correct-horse-battery-staple";

fn operated() -> Deployment {
    let (store, clock) = (MemoryDatabase::new().unwrap(), ManualClock::new(1_800_000_000_000));
    with(SECRET, &store, &clock, |it| it.admin_token(AdminToken::new(TOKEN).unwrap()).build())
}

impl Deployment {
    fn admin(&self, path: &str) -> Answer {
        self.ask(
            get(&format!("/_lunora/admin/auth/{path}"))
                .with_header("authorization", format!("Bearer {TOKEN}")),
        )
    }

    fn operate(&self, path: &str, body: &Value) -> Answer {
        let request = post(&format!("/_lunora/admin/auth/{path}"), body);
        self.ask(request.with_header("authorization", format!("Bearer {TOKEN}")))
    }
}

fn id_of(answer: &Answer) -> String {
    answer.body["user"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_banned_user_has_no_session_until_the_ban_ends() {
    let it = operated();
    let ada = it.sign_in(ADA);
    let id = id_of(&ada);
    let banned = it
        .operate("users/ban", &json!({ "userId": id, "reason": "spam", "expiresInSeconds": 3600 }));
    assert_eq!((&banned.body["banned"], &banned.body["banReason"]), (&json!(true), &json!("spam")));
    assert_eq!(it.session(&ada.pair()).body, Value::Null);
    it.send(ADA);
    assert_eq!(it.try_code(ADA, &it.code()).error(), (403, "BANNED_USER"));
    it.clock.advance(60 * MINUTE);
    it.sign_in(ADA);
    assert_eq!(it.session(&ada.pair()).body, Value::Null, "an ended session stays ended");
}

#[test]
fn a_session_whose_user_is_gone_is_dead_and_stays_dead() {
    use crate::platform::{DatabaseStatement, GlobalDatabase};

    let it = operated();
    let ada = it.sign_in(ADA);
    // As a restore of a snapshot without the user does.
    let sql = "DELETE FROM lunora_users";
    let gone = vec![DatabaseStatement { sql: sql.into(), values: Vec::new() }];
    block_on(it.store.run(gone)).unwrap();
    for _ in 0..2 {
        assert_eq!(it.session(&ada.pair()).body, Value::Null);
        assert_eq!(it.caller("cookie", &ada.pair()).body["result"], Value::Null);
        // The same address is another user.
        assert_ne!(id_of(&it.sign_in(ADA)), id_of(&ada));
    }
}

#[test]
fn a_session_that_began_while_its_user_was_banned_is_dead() {
    use crate::platform::{DatabaseStatement, GlobalDatabase};

    let it = operated();
    let ada = it.sign_in(ADA);
    let sql = "UPDATE lunora_users SET banned_until = 9e15";
    let ban = vec![DatabaseStatement { sql: sql.into(), values: Vec::new() }];
    block_on(it.store.run(ban)).unwrap();
    assert_eq!(it.session(&ada.pair()).body, Value::Null);
    assert_eq!(it.caller("cookie", &ada.pair()).body["result"], Value::Null);
}

#[test]
fn a_ban_without_an_end_lasts_until_it_is_lifted() {
    let it = operated();
    let id = id_of(&it.sign_in(ADA));
    assert_eq!(it.operate("users/ban", &json!({ "userId": id })).body["banExpires"], Value::Null);
    it.clock.advance(400 * DAY);
    it.send(ADA);
    assert_eq!(it.try_code(ADA, &it.code()).error().0, 403);
    assert_eq!(it.operate("users/unban", &json!({ "userId": id })).body["banned"], false);
    it.sign_in(ADA);
    assert_eq!(it.operate("users/ban", &json!({ "userId": "x" })).error(), (404, "USER_NOT_FOUND"));
}

#[test]
fn users_are_listed_by_page_and_search() {
    let it = operated();
    for name in ["ada", "bob", "bea"] {
        it.sign_in(&format!("{name}@example.com"));
        it.clock.advance(MINUTE);
    }
    let emails = |query: &str| {
        let page = it.admin(&format!("users{query}")).body;
        let rows = page["rows"].as_array().unwrap().iter();
        let emails: Vec<_> = rows
            .map(|row| row["email"].as_str().unwrap().split('@').next().unwrap().to_owned())
            .collect();
        (emails.join(" "), page["total"].as_u64().unwrap())
    };
    assert_eq!(emails(""), ("ada bob bea".into(), 3));
    assert_eq!(emails("?limit=1&offset=1"), ("bob".into(), 3));
    assert_eq!(emails("?search=B&sortBy=email"), ("bea bob".into(), 2));
    assert_eq!(emails("?sortBy=createdAt&sortDirection=desc&limit=2"), ("bea bob".into(), 3));
    assert_eq!(emails("?filterField=email&filterValue=bob@example.com"), ("bob".into(), 1));
    assert_eq!(emails("?search=%25"), (String::new(), 0));
    for bad in ["?filterField=banned_until", "?sortBy=1;DROP", "?sortDirection=up"] {
        assert_eq!(it.admin(&format!("users{bad}")).error(), (400, "BAD_REQUEST"), "{bad}");
    }
}

#[test]
fn sessions_are_listed_without_a_hash_and_revoked() {
    let it = operated();
    let (one, two) = (it.sign_in(ADA), it.sign_in(ADA));
    it.sign_in("bob@example.com");
    let id = id_of(&one);
    let list = it.admin(&format!("sessions?userId={id}")).body;
    assert_eq!(list["total"], 2);
    assert!(!list.to_string().contains("hash"), "{list}");
    assert_eq!(it.admin("sessions?limit=1").body["total"], 3);
    let session = it.session(&one.pair()).body["session"]["id"].clone();
    assert_eq!(it.operate("sessions/revoke", &json!({ "sessionId": session })).status, 200);
    assert_eq!(it.session(&one.pair()).body, Value::Null);
    assert_eq!(it.session(&two.pair()).body["user"]["email"], ADA);
    assert_eq!(it.operate("sessions/revoke-all", &json!({ "userId": id })).status, 200);
    assert_eq!(it.session(&two.pair()).body, Value::Null);
}

#[test]
fn a_user_is_made_and_removed_with_every_session() {
    let it = operated();
    let made = it.operate("users/create", &json!({ "email": "Ada@example.com", "name": "Ada" }));
    assert_eq!((&made.body["email"], &made.body["name"]), (&json!(ADA), &json!("Ada")));
    let taken = it.operate("users/create", &json!({ "email": ADA, "name": "Ada" }));
    assert_eq!(taken.error(), (409, "USER_ALREADY_EXISTS"));
    let with_password =
        json!({ "email": "b@example.com", "name": "B", "password": "hunter2hunter2" });
    assert_eq!(it.operate("users/create", &with_password).error(), (400, "BAD_REQUEST"));
    assert_eq!(made.body["emailVerified"], false);
    let ada = it.sign_in(ADA);
    assert_eq!(
        (&ada.body["user"]["name"], &ada.body["user"]["emailVerified"]),
        (&json!("Ada"), &json!(true))
    );
    assert_eq!(it.operate("users/remove", &json!({ "userId": id_of(&ada) })).status, 200);
    assert_eq!(it.session(&ada.pair()).body, Value::Null);
    assert_eq!(it.operate("users/remove", &json!({ "userId": id_of(&ada) })).error().0, 404);
}

#[test]
fn what_codes_do_not_need_is_not_supported() {
    let it = operated();
    assert_eq!(it.admin("capabilities").body["admin"], true);
    assert_eq!(it.admin("config").body["emailOtp"], true);
    let refused =
        it.operate("users/password", &json!({ "userId": "u", "newPassword": "hunter2hunter2" }));
    assert_eq!(refused.error(), (400, "AUTH_OP_NOT_SUPPORTED"));
}
