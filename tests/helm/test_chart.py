"""The chart: its values are checked, and what it renders is right and accepted by each version of Kubernetes."""

import json
import re
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml
from shared import (
    CHART,
    VALUE_SETS,
    chart,
    container,
    environment,
    find,
    merge,
    render,
    values,
)
from helm_python.chart import lint
from helm_python.errors import HelmError

KUBERNETES = [f"1.{minor}" for minor in range(29, 38)]
CUSTOM = {
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): "httproute.json",
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "servicemonitor.json",
}


def test_there_are_eight_value_sets():
    assert len(VALUE_SETS) >= 8, list(VALUE_SETS)


@pytest.mark.parametrize("name", VALUE_SETS)
def test_it_is_linted(name):
    report = lint(CHART, values(name), strict=True)
    wrong = [message for message in report["messages"] if message["severity"] >= 2]
    assert not wrong and not report["errors"], report


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", VALUE_SETS)
def test_each_object_is_strictly_valid(name, version):
    for found in render(values(name)):
        custom = CUSTOM.get((found["apiVersion"], found["kind"]))
        if custom:
            schema = json.loads((Path(__file__).parent / "schemas" / custom).read_text())
            jsonschema.Draft202012Validator(schema).validate(found)
            continue
        checked_with = kubernetes_validate.validate(found, version, strict=True)
        assert checked_with == version, f"no schemas of {version}"


def test_the_strict_check_can_fail():
    wrong = find(render(values("minimal")), "Deployment")
    wrong["spec"]["replicaz"] = 3
    with pytest.raises(kubernetes_validate.ValidationError, match="replicaz"):
        kubernetes_validate.validate(wrong, "1.33", strict=True)


@pytest.mark.parametrize("name", VALUE_SETS)
def test_names_are_unique_and_in_the_namespace(name):
    objects = render(values(name))
    names = [(o["kind"], o["metadata"]["namespace"], o["metadata"]["name"]) for o in objects]
    assert len(names) == len(set(names))
    outside = [o["kind"] for o in objects if o["metadata"]["namespace"] != "prefect"]
    assert outside in ([], ["ServiceMonitor"])


# -- Values that are refused, and the word in the message that helps.
REFUSED = [
    ({"replicas": 3}, "replicas"),
    ({"database": {"url": "postgres://u:p@h/d"}}, "url"),
    ({"database": {"poolSize": 0}}, "poolSize"),
    ({"database": {"poolSize": "16"}}, "poolSize"),
    ({"database": {"poolWait": "5 s"}}, "poolWait"),
    ({"database": {"serving": {"existingSecret": "postgres://user:secret@host/db"}}}, "existingSecret"),
    ({"requests": {"bodyLimit": 10}}, "bodyLimit"),
    ({"requests": {"defaultWorkspace": "acme"}}, "defaultWorkspace"),
    ({"log": {"format": "yaml"}}, "format"),
    ({"drain": {"timeoutSeconds": "30s"}}, "timeoutSeconds"),
    ({"containerPorts": {"http": 80}}, "containerPorts"),
    ({"image": {"digest": "sha256:abc"}}, "digest"),
    ({"service": {"type": "ExternalName"}}, "type"),
    ({"bindAddress": "localhost"}, "bindAddress"),
    ({"extraEnv": [{"value": "without a name"}]}, "extraEnv"),
    ({"ingress": {"hosts": [{"host": "h", "paths": [{"path": "/"}]}]}}, "pathType"),
    ({"podDisruptionBudget": {"maxUnavailable": "half"}}, "maxUnavailable"),
    ({"resources": {"request": {"cpu": 1}}}, "request"),
    ({"livenessProbe": {"httpGet": {"path": "/"}}}, "httpGet"),
    ({"database": {"pooler": "session"}}, "pooler"),
    ({"connections": {"maxHeaders": 8}}, "maxHeaders"),
    ({"limits": {"guessesPerMinute": -1}}, "guessesPerMinute"),
    ({"cache": {"memory": "16Mi"}}, "memory"),
    ({"telemetry": {"endpoint": "http://user:secret@collector"}}, "endpoint"),
    ({"telemetry": {"samplerRatio": 2}}, "samplerRatio"),
    ({"telemetry": {"sampler": "sometimes"}}, "sampler"),
    ({"tokens": {"size": 10}}, "size"),
    ({"tokens": {"issuers": {"ca": {"existingConfigMap": "/etc/ssl"}}}}, "existingConfigMap"),
]


@pytest.mark.parametrize("wrong, named", REFUSED, ids=[named for _, named in REFUSED])
def test_the_schema_refuses(wrong, named):
    given = merge(values("minimal"), wrong)
    with pytest.raises(HelmError) as refused:
        chart().validate_schema(given)
    assert named in str(refused.value)
    # Not only when asked: an install checks it as well.
    with pytest.raises(HelmError):
        render(given)


# -- Values that are well formed each and wrong together.
CONTRADICTIONS = [
    ({"database": {"serving": {"existingSecret": ""}}}, "database.serving.existingSecret"),
    ({"database": {"owner": {"existingSecret": ""}}}, "database.owner.existingSecret"),
    ({"extraEnv": [{"name": "PREFECTURE_POOL_SIZE", "value": "9"}]}, "PREFECTURE_POOL_SIZE is set by a value"),
    ({"ingress": {"enabled": True}}, "ingress.hosts"),
    ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs"),
    ({"autoscaling": {"enabled": True, "minReplicas": 9, "maxReplicas": 2}}, "autoscaling.minReplicas"),
    ({"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": 0}}, "a target"),
    ({"metrics": {"enabled": False, "serviceMonitor": {"enabled": True}}}, "metrics.enabled"),
]


@pytest.mark.parametrize("wrong, said", CONTRADICTIONS, ids=[said for _, said in CONTRADICTIONS])
def test_a_contradiction_is_refused(wrong, said):
    with pytest.raises(HelmError) as refused:
        render(merge(values("minimal"), wrong))
    assert said in str(refused.value)


def test_the_schema_knows_each_value_and_no_other():
    def keys_of_values(given, path=""):
        for key, value in given.items():
            yield path + key
            if isinstance(value, dict):
                yield from keys_of_values(value, f"{path}{key}.")

    def keys_of_schema(schema, path=""):
        if "$ref" in schema:
            schema = chart().schema["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        for key, value in schema.get("properties", {}).items():
            yield path + key
            yield from keys_of_schema(value, f"{path}{key}.")

    given = set(keys_of_values(yaml.safe_load((CHART / "values.yaml").read_text())))
    known = set(keys_of_schema(chart().schema))
    # Kubernetes' own parts of a probe and of resources need no default.
    free = ("Probe.", "resources.", "SecurityContext", "securityContext", "global", "rollingUpdate.")
    assert {key for key in given - known if not any(part in key for part in free)} == set()
    assert {key for key in known - given if not any(part in key for part in free)} == set()


def test_each_value_is_described():
    lines = (CHART / "README.md").read_text()
    top = yaml.safe_load((CHART / "values.yaml").read_text())
    missing = [key for key in top if f"`{key}" not in lines]
    assert not missing, f"helm/prefecture/README.md says nothing of {missing}"


# -- The roll.
@pytest.mark.parametrize("name", VALUE_SETS)
def test_the_grace_period_covers_the_drain(name):
    server = find(render(values(name)), "Deployment")
    env = environment(server)
    seconds = sum(int(env[f"PREFECTURE_DRAIN_{part}"].removesuffix("s")) for part in ("DELAY", "TIMEOUT"))
    assert server["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > seconds


def test_no_replica_is_taken_before_its_successor_is_ready():
    server = find(render(values("minimal")), "Deployment")
    assert server["spec"]["replicas"] == 2
    assert server["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    probes = {probe: container(server)[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert probes == {"livenessProbe": "/api/health", "readinessProbe": "/api/ready"}


def test_the_migration_runs_before_the_roll():
    objects = render(values("locked"))
    job = find(objects, "Job")
    hooks = job["metadata"]["annotations"]
    assert hooks["helm.sh/hook"] == "pre-install,pre-upgrade"
    # What it needs and the chart makes is a hook as well, and earlier.
    policy = find(objects, "NetworkPolicy", "-migration")["metadata"]["annotations"]
    assert policy["helm.sh/hook"] == hooks["helm.sh/hook"]
    assert int(policy["helm.sh/hook-weight"]) < int(hooks["helm.sh/hook-weight"])
    assert job["spec"]["template"]["spec"]["serviceAccountName"] == "default"


def test_the_autoscaler_alone_says_how_many():
    objects = render(values("autoscaled"))
    server = find(objects, "Deployment")
    assert "replicas" not in server["spec"], "a roll would set it back"
    scaler = find(objects, "HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["name"] == server["metadata"]["name"]


# -- Objects find each other.
@pytest.mark.parametrize("name", VALUE_SETS)
def test_selectors_find_the_server_and_only_it(name):
    objects = render(values(name))
    server = find(objects, "Deployment")["spec"]
    labels = server["template"]["metadata"]["labels"]
    jobs = [o["spec"]["template"]["metadata"]["labels"] for o in objects if o["kind"] == "Job"]

    def finds(selector, labels):
        return selector.items() <= labels.items()

    selectors = [server["selector"]["matchLabels"]]
    selectors += [o["spec"]["selector"] for o in objects if o["kind"] == "Service"]
    selectors += [o["spec"]["selector"]["matchLabels"] for o in objects if o["kind"] == "PodDisruptionBudget"]
    for selector in selectors:
        assert finds(selector, labels)
        assert not any(finds(selector, job) for job in jobs), "a job's pod would be served requests"
    for policy in (o for o in objects if o["kind"] == "NetworkPolicy"):
        selector = policy["spec"]["podSelector"]["matchLabels"]
        assert finds(selector, labels) != any(finds(selector, job) for job in jobs)


@pytest.mark.parametrize("name", VALUE_SETS)
def test_ports_lead_to_the_container(name):
    objects = render(values(name))
    ports = {port["name"]: port["containerPort"] for port in container(find(objects, "Deployment"))["ports"]}
    env = environment(find(objects, "Deployment"))
    assert env["PREFECTURE_LISTEN"].endswith(f":{ports['http']}")
    assert ("metrics" in ports) == ("PREFECTURE_METRICS_LISTEN" in env)
    services = {o["metadata"]["name"]: o for o in objects if o["kind"] == "Service"}
    for service in services.values():
        assert all(port["targetPort"] in ports for port in service["spec"]["ports"])
    for found in objects:
        if found["kind"] == "Ingress":
            for rule in found["spec"]["rules"]:
                for path in rule["http"]["paths"]:
                    backend = path["backend"]["service"]
                    named = [port["name"] for port in services[backend["name"]]["spec"]["ports"]]
                    assert backend["port"]["name"] in named
        if found["kind"] == "HTTPRoute":
            backend = found["spec"]["rules"][0]["backendRefs"][0]
            assert backend["port"] in [port["port"] for port in services[backend["name"]]["spec"]["ports"]]
        if found["kind"] == "ServiceMonitor":
            selector = found["spec"]["selector"]["matchLabels"]
            seen = [s for s in services.values() if selector.items() <= s["metadata"]["labels"].items()]
            assert [port["name"] for s in seen for port in s["spec"]["ports"]] == ["metrics"]
            assert found["spec"]["namespaceSelector"]["matchNames"] == ["prefect"]


def test_metrics_are_not_published_with_the_api():
    objects = render(merge(values("minimal"), {"service": {"type": "LoadBalancer"}}))
    published = [o for o in objects if o["kind"] == "Service" and o["spec"]["type"] != "ClusterIP"]
    assert [port["name"] for o in published for port in o["spec"]["ports"]] == ["http"]


# -- Hardening.
@pytest.mark.parametrize("name", VALUE_SETS)
def test_pods_are_restricted(name):
    """The profile `restricted` of Kubernetes' pod security standards, a read-only root, no token."""
    for workload in (o for o in render(values(name)) if o["kind"] in ("Deployment", "Job")):
        pod = workload["spec"]["template"]["spec"]
        security = container(workload)["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["allowPrivilegeEscalation"] is False and security["readOnlyRootFilesystem"] is True
        assert pod["automountServiceAccountToken"] is False
        # A service `prefecture` would give PREFECTURE_PORT=tcp://… and more to every pod.
        assert pod["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert container(workload)["resources"]["limits"]["memory"]


@pytest.mark.parametrize("name", VALUE_SETS)
def test_no_connection_string_is_in_a_release(name):
    assert "postgres://" not in json.dumps(render(values(name)))
