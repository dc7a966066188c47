//! What a handler takes and answers, read from its type: a route cannot be described otherwise than
//! it is.

use axum::Extension;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::answer::Refused;
use super::body::{Body, Coded, Either, Known, List, ListOf, Sent};
use super::query::{Bulk, Query};
use super::questions::{Parameters, Question};
use super::{Actor, AdminState};

const JSON: &str = "application/json";

pub(super) type NamedSchemas = Vec<(String, RefOr<Schema>)>;

/// The form of a handler.
#[derive(Default)]
pub(super) struct Signature {
    /// What it takes in the query; `None`: nothing.
    pub(super) parameters: Option<Parameters>,
    pub(super) body: Option<SentBody>,
    /// Its answers: status, content type, schema.
    pub(super) answers: Vec<(u16, &'static str, RefOr<Schema>)>,
    /// The schemas that its answers refer to.
    pub(super) answered: NamedSchemas,
    /// Those that its body refers to.
    pub(super) sent: NamedSchemas,
}

/// The body that a handler reads.
pub(super) enum SentBody {
    /// A filter, which may as well stand in the query.
    Filter,
    Json {
        schema: Value,
        may_be_empty: bool,
    },
}

/// A handler, whatever it takes.
pub(super) trait Handler<Arguments> {
    fn signature(&self) -> Signature;
}

/// One argument of a handler.
pub(super) trait Argument {
    fn describe(_: &mut Signature) {}
}

/// What a handler answers.
pub(super) trait Answer {
    fn describe(signature: &mut Signature);
}

macro_rules! handlers {
    ($($argument:ident)*) => {
        impl<F, Fut, $($argument),*> Handler<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut,
            Fut: Future,
            Fut::Output: Answer,
            $($argument: Argument,)*
        {
            fn signature(&self) -> Signature {
                let mut signature = Signature::default();
                $($argument::describe(&mut signature);)*
                Fut::Output::describe(&mut signature);
                signature
            }
        }
    };
}

handlers! {}
handlers! { A }
handlers! { A B }
handlers! { A B C }
handlers! { A B C D }
handlers! { A B C D E }

impl Argument for State<AdminState> {}
impl Argument for Extension<Actor> {}
impl Argument for HeaderMap {}
/// The path of the route names it.
impl<T> Argument for Path<T> {}

impl<Q: Question> Argument for Query<Q> {
    fn describe(signature: &mut Signature) {
        signature.parameters = Some(Q::PARAMETERS);
    }
}

impl<Q: Question> Argument for Bulk<Q> {
    fn describe(signature: &mut Signature) {
        signature.parameters = Some(Q::PARAMETERS);
        signature.body = Some(SentBody::Filter);
    }
}

impl<T: Sent + ToSchema> Argument for Body<T> {
    fn describe(signature: &mut Signature) {
        signature.body = Some(SentBody::Json {
            schema: json!(schema_of::<T>(&mut signature.sent)),
            may_be_empty: T::empty().is_some(),
        });
    }
}

fn add_json<T: ToSchema>(signature: &mut Signature, status: u16) {
    let schema = schema_of::<T>(&mut signature.answered);
    signature.answers.push((status, JSON, schema));
}

impl<T: ToSchema> Answer for Json<T> {
    fn describe(signature: &mut Signature) {
        add_json::<T>(signature, 200);
    }
}

impl<L: ToSchema + ListOf<Item: ToSchema>> Answer for List<L> {
    fn describe(signature: &mut Signature) {
        // What its items refer to, and the items themselves: a list has no name of its own.
        L::schemas(&mut signature.answered);
        let name = L::Item::name().into_owned();
        signature.answered.push((name, L::Item::schema()));
        signature.answers.push((200, JSON, L::schema()));
    }
}

impl<T: ToSchema> Answer for Known<T> {
    fn describe(signature: &mut Signature) {
        add_json::<T>(signature, 200);
    }
}

impl<const STATUS: u16, T: ToSchema> Answer for Coded<STATUS, T> {
    fn describe(signature: &mut Signature) {
        add_json::<T>(signature, STATUS);
    }
}

impl<A: Answer, B: Answer> Answer for Either<A, B> {
    fn describe(signature: &mut Signature) {
        A::describe(signature);
        B::describe(signature);
    }
}

impl<T: Answer> Answer for Result<T, Refused> {
    fn describe(signature: &mut Signature) {
        T::describe(signature);
    }
}

/// The schema of `T` by its name; it and what it refers to go into `schemas`.
fn schema_of<T: ToSchema>(schemas: &mut NamedSchemas) -> RefOr<Schema> {
    T::schemas(schemas);
    schemas.push((T::name().into_owned(), T::schema()));
    RefOr::Ref(Ref::from_schema_name(T::name()))
}
