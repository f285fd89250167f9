"""The chart and the program: each setting of the one has a value in the other, with the same default, and what the chart
renders is what the program takes."""

import pytest
from shared import (
    VALUE_SETS,
    container,
    defaults_of,
    environment,
    find,
    flags_of,
    merge,
    refusals,
    render,
    settings_of,
    values,
)

# Settings of `prefecture serve` that no value stands for, and why.
WITHOUT_A_VALUE = {
    "OTEL_EXPORTER_OTLP_PROTOCOL": "there is one protocol",
    "OTEL_SDK_DISABLED": "nothing is sent without an endpoint",
}
# What a secret may hold. Nobody answers at these addresses, and nobody needs to.
SECRETS = {
    "PREFECTURE_DATABASE_URL": "postgres://prefecture_serve@127.0.0.1:1/prefecture",
    "PREFECTURE_OWNER_DATABASE_URL": "postgres://prefecture@127.0.0.1:1/prefecture",
    "PREFECTURE_REDIS_URL": "redis://127.0.0.1:1",
    "PREFECTURE_ENCRYPTION_KEYS": "one:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20KEY",
}


def server_environment(given: dict) -> dict[str, object]:
    return environment(find(render(given), "Deployment"))


def filled(env: dict[str, object]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else SECRETS[name] for name, value in env.items()}


def test_every_setting_has_a_value():
    rendered = set().union(*(server_environment(values(name)) for name in VALUE_SETS))
    missing = settings_of("serve") - rendered - set(WITHOUT_A_VALUE)
    assert not missing, (
        f"`prefecture serve` has {sorted(missing)}, and the chart has no value for it: add one to values.yaml, "
        "values.schema.json, templates/_settings.tpl, README.md and ci/full-values.yaml, or its reason to WITHOUT_A_VALUE"
    )


def test_the_exceptions_are_needed():
    rendered = set().union(*(server_environment(values(name)) for name in VALUE_SETS))
    assert set(WITHOUT_A_VALUE) <= settings_of("serve"), "there is no such setting any more"
    assert not set(WITHOUT_A_VALUE) & rendered, "there is a value for it"


def test_the_full_set_has_no_setting_at_its_default():
    """So that a value which does not reach the program is seen."""
    env = server_environment(values("full"))
    elsewhere = {"PREFECTURE_TENANT_ROLES": "single", "PREFECTURE_LISTEN": "single", "PREFECTURE_LOG_FORMAT": "minimal"}
    for name, default in defaults_of("serve").items():
        if name not in WITHOUT_A_VALUE:
            given = server_environment(values(elsewhere[name])) if name in elsewhere else env
            assert given[name] != default, f"{name}: give it another value in ci/full-values.yaml"


@pytest.mark.parametrize("name", VALUE_SETS)
def test_the_program_takes_the_settings(name):
    assert refusals(filled(server_environment(values(name)))) == []


def test_a_setting_that_the_program_does_not_take_is_seen():
    wrong = merge(values("minimal"), {"cache": {"entry": 65536, "memory": 1024}, "tokens": {"leeway": "1h"}})
    found = " ".join(refusals(filled(server_environment(wrong))))
    assert "PREFECTURE_CACHE_ENTRY" in found and "PREFECTURE_TOKEN_LEEWAY" in found


@pytest.mark.parametrize("name", VALUE_SETS)
def test_the_program_knows_each_setting(name):
    objects = render(values(name))
    own = {entry["name"] for entry in values(name).get("extraEnv", [])}
    server = find(objects, "Deployment")
    assert container(server)["args"] == ["serve"]
    assert set(environment(server)) - own - settings_of("serve") == set()
    for job in (o for o in objects if o["kind"] == "Job"):
        command, *flags = container(job)["args"]
        assert command == "migrate"
        assert {flag for flag in flags if flag.startswith("--")} - flags_of("migrate") == set()
        assert set(environment(job)) - own - settings_of("migrate") == set()


def test_values_reach_the_program():
    env = environment(find(render(values("full")), "Deployment"))
    assert env["PREFECTURE_POOL_SIZE"] == "24"
    assert env["PREFECTURE_BODY_LIMIT"] == "10485760", "no 1.048576e+07"
    assert env["PREFECTURE_DRAIN_DELAY"] == "20s"
    assert env["PREFECTURE_DATABASE_URL"] == {"secretKeyRef": {"name": "prefecture-serving", "key": "url"}}
    assert env["PREFECTURE_OWNER_DATABASE_URL"] == {"secretKeyRef": {"name": "prefecture-owner", "key": "url"}}
    assert env["RUST_BACKTRACE"] == "1"


def test_defaults_are_the_programs_own():
    """A default that the program changes is changed here as well."""
    env = environment(find(render(values("minimal")), "Deployment"))
    # Where a cluster wants something else than a shell.
    ours = {"PREFECTURE_LISTEN", "PREFECTURE_LOG_FORMAT", "PREFECTURE_DRAIN_DELAY"}
    different = {
        name: (env[name], default)
        for name, default in defaults_of("serve").items()
        if name in env and name not in ours and env[name] != default
    }
    assert not different, "chart, program"
