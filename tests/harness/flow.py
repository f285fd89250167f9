"""A flow with everything that a first flow may have; run by the tests in each way to connect."""

from datetime import timedelta

from prefect import flow, get_run_logger, pause_flow_run, resume_flow_run, task
from prefect.cache_policies import INPUTS
from prefect.client.orchestration import get_client
from prefect.context import get_run_context
from prefect.input import RunInput
from prefect.tasks import exponential_backoff  # noqa: F401  (an import that users make)

attempts = {"flaky": 0, "flow": 0}


@task
def square(x: int) -> int:
    return x * x


@task(retries=2, retry_delay_seconds=0)
def flaky() -> str:
    attempts["flaky"] += 1
    if attempts["flaky"] < 3:
        raise ValueError("not yet")
    return "at last"


@task
def broken() -> None:
    raise RuntimeError("broken on purpose")


@task(cache_policy=INPUTS, cache_expiration=timedelta(minutes=5), persist_result=True)
def cached(x: int) -> int:
    return x + 1


@flow(name="child")
def child(n: int) -> int:
    get_run_logger().info("child says %s", n)
    return n + 1


@flow(name="retried", retries=1, retry_delay_seconds=0)
def retried() -> str:
    attempts["flow"] += 1
    if attempts["flow"] < 2:
        raise ValueError("the flow fails once")
    return "done"


@flow(name="parent", log_prints=True)
def parent() -> str:
    logger = get_run_logger()
    logger.info("hello from the parent")
    print("printed")
    squares = square.map(range(100)).result()
    assert squares[99] == 99 * 99, squares
    assert flaky() == "at last"
    state = broken(return_state=True)
    assert state.is_failed(), state
    assert cached(41) == 42
    again = cached(41, return_state=True)
    assert again.name == "Cached", again
    assert child(1) == 2
    return str(get_run_context().flow_run.id)


class Answer(RunInput):
    text: str


@flow(name="paused")
def paused() -> str:
    answer = pause_flow_run(wait_for_input=Answer, timeout=60, poll_interval=1)
    return answer.text


def run_paused() -> None:
    """Pauses in one thread, resumes from another, as a person at another machine would."""
    import threading
    import time

    def resume() -> None:
        with get_client(sync_client=True) as client:
            for _ in range(300):
                runs = [run for run in client.read_flow_runs() if run.state and run.state.is_paused()]
                if runs:
                    resume_flow_run(runs[0].id, run_input={"text": "go on"})
                    return
                time.sleep(0.2)

    other = threading.Thread(target=resume)
    other.start()
    assert paused() == "go on"
    other.join()


if __name__ == "__main__":
    run_id = parent()
    assert retried() == "done"
    run_paused()
    print("RUN", run_id)
