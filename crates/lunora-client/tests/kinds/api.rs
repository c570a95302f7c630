// Written by `lunora codegen client`. Do not edit.
//! The functions of the deployment, and their types.
#![allow(dead_code, missing_docs, unreachable_pub)]
use std::collections::BTreeMap;
use lunora_client::serde::{Deserialize, Serialize};

/// A color.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub enum Color {
    #[serde(rename = "blue")]
    Blue,
    /// Like a rose.
    #[serde(rename = "red")]
    Red,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde", untagged)]
pub enum Either {
    Integer(i64),
    Text(String),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde", tag = "type")]
pub enum Event {
    #[serde(rename = "joined")]
    Joined { user: String },
    #[serde(rename = "allLeft")]
    AllLeft,
}

/// Everything that the wire tags, and each form of an enum.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct Everything {
    pub any: lunora_client::value::Value,
    pub big: lunora_client::value::BigInt,
    #[serde(rename = "bigNumber")]
    pub big_number: u64,
    #[serde(rename = "byName")]
    pub by_name: BTreeMap<String, Option<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<lunora_client::value::TypedBytes>,
    pub color: Color,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    pub date: lunora_client::value::Date,
    pub either: Either,
    pub event: Event,
    pub pair: (u8, f64),
    pub shape: Shape,
    pub signed: i64,
    pub tree: Tree2,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub enum Shape {
    Nothing,
    Circle(f64),
    Rectangle(ShapeRectangle),
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct ShapeRectangle {
    pub height: f64,
    pub width: f64,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct Tree {
    pub children: Vec<Tree>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<Tree>>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(crate = "lunora_client::serde")]
pub struct Tree2 {
    pub children: Vec<Tree2>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Box<Tree2>>,
}

/// The functions of `values`.
pub mod values {
    use lunora_client::{FunctionRef, Mutation, Query};

    /// The query `values:get`.
    pub const GET: FunctionRef<Query, super::Tree, super::Everything> = FunctionRef::from_static(
        "values:get",
    );

    /// The mutation `values:put`.
    pub const PUT: FunctionRef<Mutation, super::Everything, ()> = FunctionRef::from_static(
        "values:put",
    );
}
