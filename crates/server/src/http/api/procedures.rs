//! `GET /v1/procedures`: the task flows that a signature can name.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::{Any, Caller, Problem};

/// All procedures of this server.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProcedureList {
    /// By name.
    items: Vec<ProcedureAnswer>,
}

/// One procedure.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProcedureAnswer {
    /// What a signature carries.
    name: String,
    /// What it is for.
    comment: String,
}

/// List procedures
#[utoipa::path(
    get, path = "/v1/procedures", tag = "signatures",
    responses((status = 200, body = ProcedureList), (status = 401, body = Problem)),
)]
pub async fn list(State(app): State<App>, _caller: Caller<Any>) -> Json<ProcedureList> {
    let items = app.config.procedures.iter();
    let answer =
        |name: &str, comment: &str| ProcedureAnswer { name: name.to_owned(), comment: comment.to_owned() };
    Json(ProcedureList { items: items.map(|one| answer(&one.name, &one.comment)).collect() })
}
