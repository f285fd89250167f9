"""What the checks of the chart and of the deployment files share: the chart, rendered; the program's own word on its
settings. Run by `tests/run` through main.rs, or by hand: tests/.venv-tools/bin/pytest tests/helm"""

import functools
import json
import os
import re
import subprocess
from pathlib import Path

import yaml
from helm_python.chart import Chart

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "prefecture"
VALUE_SETS = {path.name.removesuffix("-values.yaml"): path for path in sorted((CHART / "ci").glob("*-values.yaml"))}


@functools.cache
def chart() -> Chart:
    return Chart.load(CHART)


def values(name: str, **more) -> dict:
    """A value set of the chart, and more values laid over it."""
    return merge(yaml.safe_load(VALUE_SETS[name].read_text()), more)


def merge(base: dict, over: dict) -> dict:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def render(given: dict, **how) -> list[dict]:
    """The objects of a release `demo` in a namespace `prefect`."""
    files = chart().render(given, name="demo", namespace="prefect", **how)
    objects = []
    for name, text in files.items():
        if not name.endswith(".txt"):
            objects += [found for found in yaml.safe_load_all(text) if found]
    return objects


def find(objects: list[dict], kind: str, suffix: str = "") -> dict:
    found = [o for o in objects if o["kind"] == kind and o["metadata"]["name"].endswith(suffix)]
    assert len(found) == 1, f"{len(found)} objects of the kind {kind} …{suffix}"
    return found[0]


def container(workload: dict) -> dict:
    return workload["spec"]["template"]["spec"]["containers"][0]


def environment(workload: dict) -> dict[str, object]:
    return {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in container(workload)["env"]}


@functools.cache
def program() -> str:
    """The program under test: PREFECTURE_BIN, else where `cargo build` puts it."""
    named = os.environ.get("PREFECTURE_BIN", ROOT / "target" / "debug" / "prefecture")
    assert Path(named).is_file(), f"{named} is not there: cargo build, or name it in PREFECTURE_BIN"
    return str(named)


@functools.cache
def help_of(command: str) -> str:
    return subprocess.run([program(), command, "--help"], check=True, capture_output=True, text=True).stdout


def settings_of(command: str) -> set[str]:
    """The variables that a command reads, as its help names them."""
    return set(re.findall(r"\[env:\s+(\w+)", help_of(command)))


def defaults_of(command: str) -> dict[str, str]:
    """The settings of a command that have a default."""
    text = " ".join(help_of(command).split())
    return dict(re.findall(r"\[env: (\w+)=[^\]]*\] \[default: ([^\]]+)\]", text))


def flags_of(command: str) -> set[str]:
    return set(re.findall(r"(?<!\w)--[a-z][a-z-]*", help_of(command)))


def refusals(env: dict[str, str]) -> list[str]:
    """What `prefecture serve` would refuse of these settings, as `prefecture doctor`, which reads the same, says it."""
    others = ("PREFECT", "OTEL_", "PG", "DATABASE_URL", "REDIS_URL")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    command = [program(), "doctor", "--output", "json"]
    ran = subprocess.run(command, env=clean | env, capture_output=True, text=True, check=False)
    # A setting that the command line's parser refuses leaves no report.
    assert ran.returncode in (0, 1) and ran.stdout, ran.stderr
    findings = [found for found in json.loads(ran.stdout) if found["check"] == "settings"]
    assert findings
    return [found["found"] for found in findings if found["verdict"] != "good"]
