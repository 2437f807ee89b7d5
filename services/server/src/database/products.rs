//! Queries over `tblproducts`.

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

/// The filters of a search for products. `None` does not filter.
pub(crate) struct ProductQuery<'q> {
    pub(crate) ids: Option<BTreeSet<u32>>,
    pub(crate) gid: Option<u32>,
    pub(crate) module: Option<&'q str>,
}

impl Database {
    /// All products that match, ordered by number.
    pub(crate) async fn products(&self, filter: &ProductQuery<'_>) -> sqlx::Result<Vec<Product>> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT CAST(id AS SIGNED) AS id, CAST(gid AS SIGNED) AS gid, type, name, description,
                    servertype, paytype
             FROM tblproducts WHERE 1 = 1",
        );
        if let Some(gid) = filter.gid {
            query.push(" AND gid = ").push_bind(i64::from(gid));
        }
        if let Some(module) = filter.module {
            query.push(" AND servertype = ").push_bind(module.to_owned());
        }
        if let Some(ids) = &filter.ids {
            query.push(" AND id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(i64::from(*id));
            }
            query.push(")");
        }
        query.push(" ORDER BY id");
        let found = self.readable("tblproducts", query.build()).await;
        none_if_unencodable(found, filter.module.unwrap_or_default())
    }
}
