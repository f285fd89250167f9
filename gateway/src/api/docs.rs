//! `/docs`: the API to try out in a browser. Swagger UI from its crate; nothing is loaded from outside.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::OnceLock;

use bytes::Bytes;
use http::HeaderValue;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};

use crate::kit::{Call, Failure, Op, Path, Reply, Response, respond};
use crate::ops;

pub static OPS: &[Op] = ops![
    GET "/docs" page() -> Response,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
    GET "/docs/{file}" file(Path<String>) -> Response,
        need Nothing, lane Read, cost Free, cache Never, touches [], audit Nothing;
];

/// The files of the page, with their types. The page's addresses are whole, so that it works with and without a slash at
/// its end, and below `/api` too.
const FILES: &[(&str, &str)] = &[
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("favicon-32x32.png", "image/png"),
];

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Prefecture API</title>
  <link rel="icon" href="/docs/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <div id="ui"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"#;

const START: &str = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', deepLinking: true, docExpansion: 'none', \
    persistAuthorization: false, validatorUrl: null, tryItOutEnabled: true });\n";

const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

async fn page(_: Call) -> Reply<Response> {
    let mut response = respond(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(response)
}

async fn file(_: Call, name: Path<String>) -> Reply<Response> {
    if *name == "start.js" {
        return Ok(respond(StatusCode::OK, "text/javascript; charset=utf-8", START));
    }
    let (kind, bytes) = files().get(name.as_str()).ok_or_else(Failure::no_route)?;
    let mut response = respond(StatusCode::OK, kind, bytes.clone());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    Ok(response)
}

/// Unpacked when the page is opened for the first time.
fn files() -> &'static HashMap<&'static str, (&'static str, Bytes)> {
    static UNPACKED: OnceLock<HashMap<&'static str, (&'static str, Bytes)>> = OnceLock::new();
    UNPACKED.get_or_init(|| {
        let mut files = HashMap::new();
        match unpack(&mut files) {
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "the files of /docs could not be unpacked"),
        }
        files
    })
}

fn unpack(files: &mut HashMap<&'static str, (&'static str, Bytes)>) -> Result<(), zip::result::ZipError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED))?;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i)?;
        let path = entry.name()?.into_owned();
        let Some((name, kind)) = FILES.iter().find(|(name, _)| path.ends_with(&format!("/dist/{name}"))) else {
            continue;
        };
        if path.contains("/flavors/") {
            continue;
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        files.insert(*name, (*kind, bytes.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_file_of_the_page_is_in_the_crate() {
        for (name, _) in super::FILES {
            assert!(super::files().contains_key(name), "{name}");
        }
    }
}
