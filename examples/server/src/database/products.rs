//! What the installation sells.

use sqlx::{Any, FromRow, QueryBuilder};

use super::{Database, or_nothing};

/// A row of `tblproducts`.
#[derive(Clone, Debug, FromRow)]
pub struct Product {
    pub id: i64,
    pub gid: i64,
    pub r#type: String,
    pub name: String,
    pub description: String,
    pub servertype: String,
    pub paytype: String,
}

impl Database {
    /// The products of those numbers, of that group and that module, or of any.
    pub async fn products(
        &self,
        ids: Option<&[u32]>,
        gid: Option<u32>,
        module: Option<&str>,
    ) -> sqlx::Result<Vec<Product>> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT CAST(id AS SIGNED) AS id, CAST(gid AS SIGNED) AS gid, type, name, description,
                    servertype, paytype
             FROM tblproducts WHERE 1 = 1",
        );
        if let Some(gid) = gid {
            query.push(" AND gid = ").push_bind(i64::from(gid));
        }
        if let Some(module) = module {
            query
                .push(" AND servertype = ")
                .push_bind(module.to_owned());
        }
        if let Some(ids) = ids {
            query.push(" AND id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(i64::from(*id));
            }
            query.push(")");
        }
        query.push(" ORDER BY id");
        or_nothing(query.build_query_as().fetch_all(&self.pool).await)
    }
}
