-- filter {"workers":{"status":{"any_":["ONLINE"],"not_any_":["OFFLINE"]}}}


-- filter {"workers":{"status":{"not_any_":[]}}}


-- filter {"workers":{"operator":"or_","last_heartbeat_time":{"before_":"2026-01-01T00:00:00Z","after_":"2025-01-01T00:00:00Z"},"status":{"any_":[]}}}


-- work_pools list {}


-- work_pools list {"work_pools":{"name":{"any_":["a"]}}}


-- work_pools count {"work_pools":{"type":{"any_":["process"]}}}


-- work_queues list {"work_queues":{"name":{"startswith_":["a"]}}}


-- work_queues of_pool {}


-- workers list {}


-- workers list {"workers":{"status":{"any_":["ONLINE"]}}}

