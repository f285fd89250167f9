//! CORS: which pages of other origins may call the API from a browser. Refuses nothing: the browser does, for want of the
//! headers that are given here. A preflight is answered here, since it brings no key.
//!
//! Never with credentials: a page brings its key itself, in a header, and no cookie or password that the browser holds for
//! this server is of any use to it.

use std::time::Duration;

use http::header::{ETAG, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method};
use tower::{Layer, Service};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::Request;
use super::layer::{Below, Borrowed, Step};
use crate::config::EdgeSettings;
use crate::kit::Response;

/// How long a browser may keep the answer to a preflight.
const MAX_AGE: Duration = Duration::from_secs(600);
/// What a page may read of an answer, beside what every page may.
const EXPOSED: [HeaderName; 6] = [
    RETRY_AFTER,
    ETAG,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("prefect-maintenance"),
];

#[derive(Clone)]
pub struct Cors(CorsLayer);

impl Cors {
    /// `None` where no origin is allowed.
    pub fn new(settings: &EdgeSettings) -> Option<Self> {
        if settings.cors_origins.is_empty() {
            return None;
        }
        let all = settings.cors_origins.iter().any(|origin| origin == "*");
        let origins = match all {
            true => AllowOrigin::any(),
            // Checked with the settings.
            false => AllowOrigin::list(settings.cors_origins.iter().filter_map(|o| HeaderValue::from_str(o).ok())),
        };
        let cors = CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(MAX_AGE);
        Some(Self(cors))
    }
}

impl Step for Cors {
    async fn run(&self, request: Request, below: &impl Below) -> Response {
        match self.0.layer(Borrowed(below)).call(*request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }
}
