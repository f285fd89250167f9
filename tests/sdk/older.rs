//! Older versions of the SDK, its command line and its worker: what a team does on its first day, with each of them.

use tests::flow::runs_whole;
use tests::{Client, Server, Tenant};

use crate::{blocks, concurrency, deployments, workers};

macro_rules! version {
    ($module:ident $version:literal) => {
        mod $module {
            use super::*;

            fn client(tenant: &Tenant) -> Client {
                Client::of(tenant).version($version)
            }

            #[test]
            fn it_is_that_version() {
                let said = client(&Tenant::fresh()).python("import prefect; print(prefect.__version__)");
                assert_eq!(said.expect_success().trim(), $version);
            }

            #[test]
            fn a_flow_runs() {
                let tenant = Tenant::fresh();
                runs_whole(&tenant, client(&tenant));
            }

            #[test]
            fn a_flow_is_served() {
                deployments::serves(client(&Tenant::fresh()));
            }

            #[test]
            fn a_worker_runs_what_is_deployed() {
                let server = Server::builder().start();
                let tenant = Tenant::on(&server);
                workers::deploys_and_works(&tenant, client(&tenant));
            }

            #[test]
            fn blocks_are_saved_and_loaded() {
                let tenant = Tenant::fresh();
                blocks::saves_and_loads(&tenant, client(&tenant));
            }

            #[test]
            fn processes_share_slots_and_a_rate() {
                let tenant = Tenant::fresh();
                concurrency::processes_share_slots_and_a_rate(&tenant, || client(&tenant));
            }
        }
    };
}

version!(v3_8_8 "3.8.8");
version!(v3_6_29 "3.6.29");
