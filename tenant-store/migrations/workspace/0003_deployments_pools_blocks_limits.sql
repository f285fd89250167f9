-- Deployments and schedules, pools, queues and workers, blocks, limits, and what services need.


-- Deployments and their schedules.


-- Work pools, queues, workers.


-- Blocks: types, schemas, documents.


-- Concurrency limits and leases.


-- Events and their readers.


-- Services: what falls due.


