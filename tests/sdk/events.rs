//! Events through the SDK and `prefect event …`: subscribers, waiting for a run, pages of events.

use tests::{Client, Tenant};

const SUBSCRIBER: &str = r#"
import asyncio
from prefect import flow, get_client
from prefect.events import emit_event
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

@flow
def told():
    emit_event("shop.order.placed", resource={"prefect.resource.id": "shop.order.1"}, payload={"n": 1})

async def main():
    heard = []
    filter = EventFilter(event=EventNameFilter(prefix=["shop.", "prefect.flow-run."]))
    async with get_events_subscriber(filter=filter) as subscriber:
        run = asyncio.create_task(asyncio.to_thread(told))
        async for event in subscriber:
            heard.append(event.event)
            if {"prefect.flow-run.Completed", "shop.order.placed"} <= set(heard):
                break
        await run
    assert heard.count("prefect.flow-run.Running") == 1, heard
    async with get_client() as client:
        page = await client.read_events(filter=EventFilter(event=EventNameFilter(prefix=["prefect.flow-run."])), limit=1)
        seen = [event.event for event in page.events]
        while page := await page.get_next_page(client):
            seen += [event.event for event in page.events]
    for name in ("Pending", "Running", "Completed"):
        assert f"prefect.flow-run.{name}" in seen, seen

asyncio.run(main())
"#;

#[test]
fn a_subscriber_hears_what_happens_and_pages_list_it() {
    let tenant = Tenant::fresh();
    Client::of(&tenant).python(SUBSCRIBER).expect_success();
}

const WAITER: &str = r#"
import asyncio
from uuid import UUID
from prefect import flow, get_client
from prefect.flow_runs import wait_for_flow_run
from prefect.states import Completed, Running

@flow
def anything():
    pass

async def main():
    async with get_client() as client:
        run = await client.create_flow_run(anything)
        waiting = asyncio.create_task(wait_for_flow_run(run.id, timeout=60))
        await asyncio.sleep(1)
        await client.set_flow_run_state(run.id, Running())
        await client.set_flow_run_state(run.id, Completed())
        finished = await waiting
        assert finished.state.is_completed(), finished.state

asyncio.run(main())
"#;

/// It asks once and then waits for the event of the run's end.
#[test]
fn a_run_is_waited_for_by_its_events() {
    let tenant = Tenant::fresh();
    Client::of(&tenant).python(WAITER).expect_success();
}

const STREAM: &str = r#"
import os, subprocess, sys

prefect = os.path.join(os.path.dirname(sys.executable), "prefect")
emitted = subprocess.run([prefect, "event", "emit", "streamed", "--resource-id", "r.1"], capture_output=True, text=True)
assert emitted.returncode == 0, emitted
stream = subprocess.Popen([prefect, "event", "stream", "--format", "json"], stdout=subprocess.PIPE, text=True)
for line in stream.stdout:
    if '"streamed"' in line:
        break
else:
    raise AssertionError("the stream ended without the event")
stream.kill()
"#;

#[test]
fn events_are_streamed_to_the_terminal() {
    let tenant = Tenant::fresh();
    Client::of(&tenant).python(STREAM).expect_success();
}
