//! `GetProducts`.

use std::collections::BTreeSet;

use whmcs_auth::Received;
use whmcs_auth::answer::Value;

use super::Success;
use super::parameters::{invalid, number, parameter};
use crate::database::{Product, ProductQuery};
use crate::refusal::Refusal;
use crate::service::Service;

/// The most numbers in one `pid`.
const MAX_IDS: usize = 1000;

/// Reads `pid` (one number, or several with commas), `gid`, `module`, `limitstart` (0) and `limitnum`
/// (all).
pub(super) async fn get_products(
    service: &Service,
    received: &Received,
) -> Result<Success, Refusal> {
    let ids = parameter(received, "pid").map(|list| {
        let ids: Result<BTreeSet<_>, _> = list.split(',').map(|id| id.trim().parse()).collect();
        let ids = ids.ok().filter(|ids| ids.len() <= MAX_IDS);
        ids.ok_or_else(|| invalid("pid"))
    });
    let module = parameter(received, "module");
    let query = ProductQuery {
        ids: ids.transpose()?,
        gid: number(received, "gid")?,
        module: module.as_deref(),
    };
    let start = number(received, "limitstart")?.unwrap_or(0);
    let count = number(received, "limitnum")?.unwrap_or(u32::MAX);
    let products = service.database.products(&query).await?;
    let total = products.len();
    let page = products.into_iter().skip(start as usize).take(count as usize);
    let page: Vec<_> = page.map(product).collect();
    Ok(vec![
        ("totalresults", total.into()),
        ("startnumber", start.into()),
        ("numreturned", page.len().into()),
        ("products", [("product", page.into())].into()),
    ])
}

fn product(product: Product) -> Value<'static> {
    let fields: [(_, Value<'_>); 7] = [
        ("pid", product.id.into()),
        ("gid", product.gid.into()),
        ("type", product.r#type.into()),
        ("name", product.name.into()),
        ("description", product.description.into()),
        ("module", product.servertype.into()),
        ("paytype", product.paytype.into()),
    ];
    fields.into()
}
