//! A panic below is a 500 and a line in the log, not a lost connection.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::Request;
use super::layer::{Below, Step};
use crate::kit::{Failure, Response};

#[derive(Clone)]
pub struct Guard;

impl Step for Guard {
    async fn run(&self, request: Request, below: &impl Below) -> Response {
        // Unwind safe: what the request shares with others is behind locks that recover from poisoning, and a transaction
        // that a panic drops is rolled back like any other that is dropped.
        // From the first look of a layer below on.
        let answer = async { below.answer(request).await };
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
                let text =
                    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into());
                Failure::internal(format!("panic: {text}")).answer("panic")
            }
        }
    }
}
