//! The whole route table. Doors are told apart by Host first (the object leg's virtual hosts), then by path.
//! Which of them a process answers follows its roles.

use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderValue, Method, header};
use tower::ServiceExt;
use tower_http::cors::{AllowHeaders, CorsLayer};

use super::{Problem, api, callbacks, cloudapi, console, cos, ops, play, tus, ugc};
use crate::app::App;
use crate::listen::{log_access, log_access_of};
use crate::roles::Role;

/// Largest JSON body of any door but the object leg, which streams.
const JSON_LIMIT: usize = 1 << 20;

/// Every door of this process, ready to be served.
#[derive(Clone)]
pub struct Doors {
    router: Router,
    /// For the path that is asked for most, if it is served here.
    signing: Option<App>,
}

/// Asked for before every upload, and cheaper than the way through the router to it.
const SIGN: &str = "/v1/upload-signatures";

impl From<Router> for Doors {
    /// Nothing but these routes.
    fn from(router: Router) -> Self {
        Self { router, signing: None }
    }
}

impl Doors {
    /// Answers one request.
    pub async fn answer(self, request: Request) -> Response {
        match self.signing {
            Some(app) if is_signing(&app, &request) => {
                let issue = |request| async {
                    api::issue_signature::issue(State(app), request).await.into_response()
                };
                log_access_of(SIGN, request, issue).await
            }
            _ => match self.router.oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
        }
    }
}

/// What the router would say, too: its Host may be that of an object.
fn is_signing(app: &App, request: &Request) -> bool {
    request.method() == Method::POST
        && request.uri().path() == SIGN
        && !(serves_cloud_api(app) && cloudapi::is_host(request.headers()))
        && (!app.config.roles.contains(&Role::Gateway)
            || cos::Address::by_host(app, request.headers(), request.uri()).is_none())
}

/// The doors that the roles and the configuration of `app` open.
pub fn router(app: &App) -> Doors {
    // Web pages need the headers that a layer of the router adds.
    let signs = app.config.roles.contains(&Role::Dispatch) && app.config.dispatch.origins.is_empty();
    Doors { router: routes(app), signing: signs.then(|| app.clone()) }
}

fn routes(app: &App) -> Router {
    let has = |role| app.config.roles.contains(&role);
    let mut router: Router<App> = Router::new()
        .route("/healthz", get(ops::health))
        .route("/readyz", get(ops::ready))
        .route("/metrics", get(ops::metrics));
    if has(Role::Dispatch) {
        router = router.merge(dispatch_routes(app));
    }
    if has(Role::Gateway) {
        router = router.merge(gateway_routes());
    }
    if has(Role::Api) {
        router = router
            .merge(api::routes())
            .route("/console", get(console::index))
            .route("/console/", get(console::index))
            .route("/console/{*path}", get(console::file));
        // In front of the real cloud, its API and its media are there, and its events come here.
        router = if app.config.mode.is_tencent() {
            router.route("/", get(console::to_console)).route("/callbacks/vod/{token}", post(callbacks::take))
        } else {
            router
                .route("/", get(cloudapi::root).post(cloudapi::door))
                .route("/play/{*path}", get(play::file).options(play::preflight))
        };
    }
    let router = router.fallback(not_found).layer(DefaultBodyLimit::max(JSON_LIMIT));
    let router = if serves_cloud_api(app) {
        router.layer(from_fn_with_state(app.clone(), cloud_api_hosts))
    } else {
        router
    };
    let router =
        if has(Role::Gateway) { router.layer(from_fn_with_state(app.clone(), object_hosts)) } else { router };
    router.layer(from_fn(log_access)).with_state(app.clone())
}

/// Signature service (design section 5, step 1).
fn dispatch_routes(app: &App) -> Router<App> {
    let router = Router::new()
        .route(SIGN, post(api::issue_signature::issue))
        .route("/v1/upload-signatures/batch", post(api::issue_signatures::issue))
        .route("/v1/signatures/explain", post(api::explain_signature::explain))
        .route("/getUploadSignature", get(api::sample_signature::issue).post(api::sample_signature::issue));
    match app.config.dispatch.origins.as_slice() {
        [] => router,
        origins => router.layer(browsers_of(origins)),
    }
}

/// Web pages of the app may ask for signatures themselves, with their users' credentials; other pages may not.
fn browsers_of(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(origins.to_vec())
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::RETRY_AFTER])
        .max_age(Duration::from_secs(600))
}

/// Upload doors (design section 5, steps 2 to 4).
fn gateway_routes() -> Router<App> {
    Router::new()
        .route("/v3/index.php", any(ugc::door))
        .route("/ugcupload_new", any(ugc::telemetry))
        .route("/cos/{*path}", any(cos::path_style))
        .route("/files", any(tus::collection))
        .route("/files/", any(tus::collection))
        .route("/files/{id}", any(tus::upload))
}

/// Requests whose Host belongs to the object leg never reach the path routes.
async fn object_hosts(State(app): State<App>, request: Request, next: Next) -> Response {
    match cos::Address::by_host(&app, request.headers(), request.uri()) {
        Some(address) => cos::serve(app, address, request).await,
        None => next.run(request).await,
    }
}

/// Whether the vendor's host names of the cloud API lead to it here.
fn serves_cloud_api(app: &App) -> bool {
    app.config.roles.contains(&Role::Api) && !app.config.mode.is_tencent()
}

/// The same for the cloud API: its clients know one path, and the host says what they mean.
async fn cloud_api_hosts(State(app): State<App>, request: Request, next: Next) -> Response {
    if cloudapi::is_host(request.headers()) {
        return cloudapi::door(State(app), request).await;
    }
    next.run(request).await
}

async fn not_found(uri: http::Uri) -> Problem {
    Problem::not_found(format!(
        "nothing is served at {}; ARCHITECTURE.md and /v1/openapi.json list what is",
        uri.path()
    ))
}
