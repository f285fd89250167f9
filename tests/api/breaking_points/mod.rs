//! Where the reference breaks, by the numbers of its public threads (PrefectHQ/prefect), and the tests that hold this
//! program to better. Those that have no other home are here.

mod contention;
mod many_flows;
mod recorder;
mod redis;
mod rules;

/// A file below the repository, and tests in it.
type Tests = (&'static str, &'static [&'static str]);

/// What breaks, in which threads, and where the tests are.
const POINTS: &[(&str, &[u32], &[Tests])] = &[
    (
        "the task-run recorder caps the system, replicas deadlock on each other",
        &[21716, 21587, 18753],
        &[("tests/api/breaking_points/recorder.rs", &["three_replicas_take_in_the_same_runs_and_none_is_in_the_way"])],
    ),
    (
        "events in another order than they occurred cost serial calls, and an end is lost",
        &[21456, 21588],
        &[("tests/order/permuted.rs", &["every_order_over_two_sockets_ends_the_same"])],
    ),
    (
        "events are dropped when a queue is full",
        &[19651],
        &[
            (
                "tests/order/burst.rs",
                &[
                    "ten_thousand_events_on_one_socket_are_stored_once",
                    "ten_thousand_events_on_four_sockets_are_stored_once",
                    "a_pong_waits_for_the_commit",
                ],
            ),
            ("tests/limits/sockets.rs", &["events_above_the_limit_are_delayed_and_none_is_dropped"]),
        ],
    ),
    (
        "the row of a run is locked while rules are asked; waits of seconds, then 500",
        &[19027],
        &[("tests/api/breaking_points/contention.rs", &["of_32_callers_on_one_run_one_is_accepted_and_none_fails"])],
    ),
    (
        "with many millions of rows lists and the scheduler time out",
        &[16121, 15045, 23127, 22889],
        &[("tenant-store/src/explain/mod.rs", &["sql_keeps_to_its_indexes"])],
    ),
    (
        "17 parallel flows time out; 150 flows make the UI minutes late",
        &[22314, 17818],
        &[
            ("tests/sdk/flows.rs", &["seventeen_flows_at_once_do_not_time_out"]),
            (
                "tests/api/breaking_points/many_flows.rs",
                &["of_150_flows_at_once_everything_is_shown_as_soon_as_it_is_so"],
            ),
        ],
    ),
    (
        "more than 200 runs that wait for a limit starve the queue behind them",
        &[19403],
        &[("tests/api/work_pools.rs", &["more_than_200_runs_that_wait_for_a_limit_starve_nobody"])],
    ),
    (
        "40 recurrence rules take the scheduler 49 s; a deleted schedule leaves its runs",
        &[18861, 17703],
        &[
            ("tests/api/breaking_points/rules.rs", &["a_thousand_recurrence_rules_cost_less_than_a_second_a_minute"]),
            ("tests/api/schedules.rs", &["a_change_of_the_schedule_makes_its_runs_anew"]),
        ],
    ),
    (
        "Redis grows without bound; no Redis Cluster",
        &[20104],
        &[
            ("tests/api/breaking_points/redis.rs", &["every_key_in_redis_ends_by_itself"]),
            ("tests/cache/servers.rs", &["a_cluster_of_three"]),
        ],
    ),
    (
        "logos load from the internet in the UI and the catalogue",
        &[3122],
        &[
            ("tests/api/blocks.rs", &["every_workspace_begins_with_the_types_of_the_system"]),
            ("gateway/src/api/collections/mod.rs", &["views_load_nothing_from_elsewhere"]),
        ],
    ),
    (
        "retention is opt-in and partial",
        &[16054, 10356, 16906],
        &[
            ("gateway/src/services/retention.rs", &["a_workspace_may_keep_things_longer_shorter_or_for_good"]),
            ("tests/faults/services/mod.rs", &["retention"]),
        ],
    ),
    (
        "zombies and slots that stay taken need hands",
        &[18710],
        &[
            ("tests/api/concurrency_limits.rs", &["slots_come_back_when_a_lease_ends_unaided"]),
            ("tests/faults/services/mod.rs", &["leases_that_run_out"]),
        ],
    ),
];

#[test]
fn every_breaking_point_has_its_tests() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate stands in the repository");
    for (what, threads, tests) in POINTS {
        assert!(!threads.is_empty() && !tests.is_empty(), "{what}");
        for (file, names) in *tests {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_else(|why| panic!("{what}: {file}: {why}"));
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for name in *names {
                let is_it = |line: &str| line.contains(&format!("fn {name}()"));
                let at = lines.iter().position(|line| is_it(line));
                let at =
                    at.unwrap_or_else(|| panic!("{what}: {name} is not in {file} any more: say where it is shown"));
                assert!(
                    lines[..at].iter().rev().take(2).any(|line| line.contains("test")),
                    "{file}: {name} is no test"
                );
            }
        }
    }
}
