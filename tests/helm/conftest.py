"""A line of JSON for each check, for main.rs."""

import json
import os

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    file = os.environ.get("CHECKS_OUT")
    if file and (report.when == "call" or report.outcome != "passed"):
        line = {"name": report.nodeid.split("/")[-1], "outcome": report.outcome, "said": report.longreprtext}
        with open(file, "a") as out:
            out.write(json.dumps(line) + "\n")
