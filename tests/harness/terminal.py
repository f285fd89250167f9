"""Runs `prefect …` as often as it is told to without loading it each time: a list of arguments in, as a line of JSON, and
a line out that says how it ended and what it printed.

Each command has a process of its own, a copy of this one, which has loaded the client and done nothing with it."""

import importlib
import json
import os
import sys
import tempfile

from prefect.cli import app

GROUPS = (
    "artifact block concurrency_limit deployment flow flow_run global_concurrency_limit task_run variable work_pool "
    "work_queue"
)
for group in GROUPS.split():
    importlib.import_module(f"prefect.cli.{group}")


def text(file) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


for line in sys.stdin:
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.argv = ["prefect", *json.loads(line)]
        # Ends as a program does: what the client does at exit is done.
        sys.exit(app())
    _, status = os.waitpid(child, 0)
    print(json.dumps({"status": status, "out": text(out), "err": text(err)}), flush=True)
