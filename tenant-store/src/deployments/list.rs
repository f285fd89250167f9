//! Lists of deployments, and numbers about them.

use domain::FlowId;
use domain::deployments::Deployment;

use super::{DeploymentSort, row};
use crate::relations::Filters;
use crate::{Result, Tx};

const BY_FLOW: &str = "select d.flow_id, count(*) from deployment d where d.flow_id = any($1) group by d.flow_id";

pub async fn list(
    tx: &mut Tx<'_>,
    filters: &Filters,
    sort: DeploymentSort,
    limit: i64,
    offset: i64,
) -> Result<Vec<Deployment>> {
    let found = tx.all_of(&statements::page(filters, sort, limit, offset)).await?;
    row::whole(tx, found).await
}

pub async fn count(tx: &mut Tx<'_>, filters: &Filters) -> Result<i64> {
    let (count,) = tx.one_of(&statements::counting(filters)).await?;
    Ok(count)
}

/// How many deployments flows have; those without are left out.
pub async fn count_by_flow(tx: &mut Tx<'_>, flows: &[FlowId]) -> Result<Vec<(FlowId, i64)>> {
    tx.all(BY_FLOW, &[&flows]).await
}

/// The SQL, apart for the tests that show and explain it.
pub(crate) mod statements {
    use domain::deployments::Deployment;

    use crate::deployments::DeploymentSort;
    use crate::relations::Filters;
    use crate::sql::{Columns, Sql};

    pub fn page(filters: &Filters, sort: DeploymentSort, limit: i64, offset: i64) -> Sql<'_> {
        let mut sql = Sql::new("select ");
        sql.push(Deployment::COLUMNS).push(" from deployment d where true");
        filters.of_deployments(&mut sql);
        sql.page(sort.sql(), limit, offset);
        sql
    }

    pub fn counting(filters: &Filters) -> Sql<'_> {
        let mut sql = Sql::new("select count(*) from deployment d where true");
        filters.of_deployments(&mut sql);
        sql
    }
}
