//! Finds the operation. Refuses unknown paths (404) and methods (405).

use http::header::UPGRADE;

use super::layer::{Glance, Refusal};
use super::trace::Seen;
use super::{Request, Way};
use crate::kit::{Failure, Found, Tables, Tenant};

#[derive(Clone)]
pub struct Route(pub Tables);

impl Glance for Route {
    type Kept = ();

    fn down(&self, request: &mut Request) -> Result<(), Refusal> {
        let method = request.method().clone();
        let upgrade =
            request.headers().get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        let way = Way::of(request);
        let table = match way.address.tenant {
            Tenant::Nobody => &self.0.root,
            Tenant::Account(_) => &self.0.account,
            Tenant::Workspace(..) => &self.0.workspace,
        };
        let mut found = table.find(&method, &way.address.path, upgrade);
        if let (Found::Nothing, Some((account, workspace))) = (&found, way.address.fallback) {
            way.address.tenant = Tenant::Workspace(account, workspace);
            found = self.0.workspace.find(&method, &way.address.path, upgrade);
        }
        match found {
            Found::Op(op, params) => {
                (way.op, way.params) = (Some(op), params);
                let tenant = way.address.tenant;
                if let Some(seen) = request.extensions().get::<Seen>() {
                    seen.operation(op.id, tenant);
                }
                Ok(())
            }
            Found::NoMethod(allowed) => Err(Refusal(Failure::no_method(&allowed), "route")),
            Found::Nothing => Err(Refusal(Failure::no_route(), "route")),
        }
    }
}
