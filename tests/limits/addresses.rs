//! Guessing keys.

use tests::{Account, Server};

use crate::{assert_is_refusal, create};

#[test]
fn an_address_that_guesses_keys_is_refused_but_not_a_key_that_was_good_a_moment_ago() {
    let server = Server::builder().env("PREFECTURE_GUESSES_PER_MINUTE", "5").start();
    let tenant = Account::create(&server).workspace();
    assert_eq!(create(&tenant.api()).status, 201);
    let guess = |nth: usize| tenant.api().with_key(Some(&format!("pnu_{nth:036}"))).get("/flows/name/f");
    let mut guesses = 0;
    let refused = loop {
        let answer = guess(guesses);
        match answer.status {
            401 => guesses += 1,
            _ => break answer,
        }
        assert!(guesses < 100, "nobody stops it");
    };
    assert!(guesses >= 5, "{guesses}");
    assert_is_refusal(&refused, "guesses");
    assert_eq!(create(&tenant.api()).status, 201, "its own key was good a moment ago");
    // For whatever it is used.
    server.api().with_key(Some(&tenant.key)).get("/api/me/workspaces").expect(200);
}
