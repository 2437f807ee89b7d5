//! What the installation sells.

use std::collections::BTreeSet;

use sqlx::{Any, FromRow, QueryBuilder};

use super::{Database, none_if_unencodable};

/// A row of `tblproducts`.
#[derive(FromRow)]
pub(crate) struct Product {
    pub(crate) id: i64,
    pub(crate) gid: i64,
    pub(crate) r#type: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) servertype: String,
    pub(crate) paytype: String,
}

/// Which products. What is absent restricts nothing.
pub(crate) struct ProductQuery<'q> {
    pub(crate) ids: Option<BTreeSet<u32>>,
    pub(crate) gid: Option<u32>,
    pub(crate) module: Option<&'q str>,
}

impl Database {
    /// All products that are asked for, in the order of their numbers.
    pub(crate) async fn products(&self, asked: &ProductQuery<'_>) -> sqlx::Result<Vec<Product>> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT CAST(id AS SIGNED) AS id, CAST(gid AS SIGNED) AS gid, type, name, description,
                    servertype, paytype
             FROM tblproducts WHERE 1 = 1",
        );
        if let Some(gid) = asked.gid {
            query.push(" AND gid = ").push_bind(i64::from(gid));
        }
        if let Some(module) = asked.module {
            query.push(" AND servertype = ").push_bind(module.to_owned());
        }
        if let Some(ids) = &asked.ids {
            query.push(" AND id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(i64::from(*id));
            }
            query.push(")");
        }
        query.push(" ORDER BY id");
        let found = query.build_query_as().fetch_all(&self.pool).await;
        none_if_unencodable(found, asked.module.unwrap_or_default())
    }
}
