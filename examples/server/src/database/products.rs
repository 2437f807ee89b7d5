//! What the installation sells.

use sqlx::{Any, FromRow, QueryBuilder};

use super::Database;

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
    /// The products of those numbers, or all of them.
    pub async fn products(&self, ids: Option<&[u32]>) -> sqlx::Result<Vec<Product>> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT CAST(id AS SIGNED) AS id, CAST(gid AS SIGNED) AS gid, type, name, description,
                    servertype, paytype
             FROM tblproducts",
        );
        if let Some(ids) = ids {
            query.push(" WHERE id IN (");
            let mut list = query.separated(", ");
            for id in ids {
                list.push_bind(i64::from(*id));
            }
            query.push(")");
        }
        query.push(" ORDER BY id");
        query.build_query_as().fetch_all(&self.pool).await
    }
}
