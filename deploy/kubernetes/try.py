"""Takes the chart through its life on a real kube-apiserver and says what is there after each step; see `try`.

Nothing runs pods here. The one controller that Helm waits for, that of jobs, is played by this script: it runs the
container's own command with the container's environment, secrets looked up, against a real Postgres, and writes the job's
status. So the migration is a real one, and its failure too.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from helm_python.chart import Chart
from helm_python.config import Config
from helm_python.errors import HelmError

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "prefecture"
NAMESPACE = "prefect"
RELEASE = "prefecture"
PATIENCE = 60

# What this server (1.20) does not have yet: the kinds policy/v1 and autoscaling/v2, and one field; and of custom kinds it
# dies, being built with a Go newer than its own. tests/helm checks all of them by their schemas.
OLD_SERVER = {
    "podDisruptionBudget": {"enabled": False},
    "topologySpread": {
        "constraints": [
            {
                "topologyKey": "kubernetes.io/hostname",
                "maxSkew": 1,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/component": "server"}},
            }
        ]
    },
}
VALUES = OLD_SERVER | {
    "image": {"tag": "first"},
    "database": {"serving": {"existingSecret": "serving"}, "owner": {"existingSecret": "owner"}},
    "networkPolicy": {"enabled": True},
    "ingress": {"enabled": True, "hosts": [{"host": "prefect.example.com"}]},
}
LISTED = {
    "/apis/apps/v1": ["deployments"],
    "/api/v1": ["services", "serviceaccounts"],
    "/apis/batch/v1": ["jobs"],
    "/apis/networking.k8s.io/v1": ["networkpolicies", "ingresses"],
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A program of ours, ended by its id when we end."""

    def __init__(self, name: str, command: list, folder: Path):
        self.name, self.log = name, folder / f"{name}.log"
        self.child = subprocess.Popen([str(part) for part in command], stdout=self.log.open("w"), stderr=subprocess.STDOUT)

    def stop(self) -> None:
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(PATIENCE)

    def until(self, ready, what: str):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            if answer := ready():
                return answer
            time.sleep(0.1)
        sys.exit(f"{self.name}: {what}: not within {PATIENCE} s\n{self.log.read_text()[-3000:]}")


class Api:
    """Kubernetes' API, as far as this script needs it."""

    def __init__(self, url: str, token: str, certificate: Path):
        self.url, self.token, self.certificate = url, token, certificate

    def call(self, method: str, path: str, body: dict | None = None, kind: str = "application/json") -> dict:
        context = ssl.create_default_context(cafile=self.certificate)
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body else None)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", kind)
        with urllib.request.urlopen(request, context=context, timeout=10) as answer:
            return json.load(answer)

    def get(self, path: str) -> dict:
        return self.call("GET", path)

    def post(self, path: str, body: dict) -> dict:
        return self.call("POST", path, body)

    def ready(self) -> bool:
        try:
            context = ssl.create_default_context(cafile=self.certificate)
            request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {self.token}"})
            with urllib.request.urlopen(request, context=context, timeout=2) as answer:
                return answer.status == 200
        except OSError as error:
            if "CERTIFICATE" in str(error):
                raise
            return False

    def kubeconfig(self) -> str:
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "here",
                "clusters": [{"name": "here", "cluster": {"server": self.url, "certificate-authority": str(self.certificate)}}],
                "users": [{"name": "here", "user": {"token": self.token}}],
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here", "namespace": NAMESPACE}}],
            }
        )


def start_api(programs: Path, folder: Path, stack: ExitStack) -> Api:
    client, peer, port = free_port(), free_port(), free_port()
    token = secrets.token_hex(16)
    tokens = folder / "tokens.csv"
    tokens.write_text(f"{token},admin,admin,system:masters\n")
    key, certificate = folder / "server.key", folder / "server.crt"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=here"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(make, check=True, capture_output=True)
    etcd = Process(
        "etcd",
        [programs / "etcd", "--data-dir", folder / "etcd", "--listen-client-urls", f"http://127.0.0.1:{client}"]
        + ["--advertise-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}"],
        folder,
    )
    stack.callback(etcd.stop)
    server = Process(
        "kube-apiserver",
        [programs / "kube-apiserver", "--etcd-servers", f"http://127.0.0.1:{client}", "--secure-port", port]
        + ["--bind-address", "127.0.0.1", "--tls-cert-file", certificate, "--tls-private-key-file", key]
        + ["--token-auth-file", tokens]
        + ["--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount"]
        + ["--service-account-issuer", "https://here", "--service-account-key-file", key]
        + ["--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.0.0.0/24"],
        folder,
    )
    stack.callback(server.stop)
    api = Api(f"https://127.0.0.1:{port}", token, certificate)
    server.until(api.ready, "ready")
    return api


class Jobs(threading.Thread):
    """Plays the controller of jobs, one container and one try a job."""

    def __init__(self, api: Api, program: Path):
        super().__init__(daemon=True)
        self.api, self.program, self.said = api, program, []
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            for job in self.api.get(f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs")["items"]:
                if not job.get("status", {}).get("conditions"):
                    self.work(job)

    def stop(self) -> None:
        self.ended.set()
        self.join()

    def work(self, job: dict) -> None:
        name = job["metadata"]["name"]
        container = job["spec"]["template"]["spec"]["containers"][0]
        environment = {entry["name"]: self.value(entry) for entry in container["env"]}
        command = [self.program, *container["args"]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        last = (done.stderr.strip().splitlines() or [""])[-1]
        self.said.append(f"job {name} ({container['image']}): prefecture {' '.join(container['args'])}: exit {done.returncode}: {last[:90]}")
        well = done.returncode == 0
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        condition = {"type": "Complete" if well else "Failed", "status": "True", "lastTransitionTime": now, "reason": "Exit"}
        status = {"conditions": [condition], "startTime": now, "succeeded" if well else "failed": 1}
        if well:
            status["completionTime"] = now
        path = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{name}/status"
        self.api.call("PATCH", path, {"status": status}, "application/merge-patch+json")

    def value(self, entry: dict) -> str:
        if "value" in entry:
            return entry["value"]
        reference = entry["valueFrom"]["secretKeyRef"]
        secret = self.api.get(f"/api/v1/namespaces/{NAMESPACE}/secrets/{reference['name']}")
        return base64.b64decode(secret["data"][reference["key"]]).decode()


def start_postgres(folder: Path, program: Path, stack: ExitStack) -> str:
    """The program's own private Postgres; its connection string."""
    dev = Process("postgres", [program, "dev", "--data-dir", folder / "dev", "--listen", "127.0.0.1:0"], folder)
    stack.callback(dev.stop)
    said = dev.until(lambda: (folder / "dev" / "dev.json").is_file() and "listening" in dev.log.read_text(), "ready")
    assert said
    return json.loads((folder / "dev" / "dev.json").read_text())["database_url"]


def objects(api: Api) -> list[str]:
    found = []
    for group, kinds in LISTED.items():
        for kind in kinds:
            for item in api.get(f"{group}/namespaces/{NAMESPACE}/{kind}")["items"]:
                found.append(f"{kind}/{item['metadata']['name']}")
    return found


def deployment(api: Api) -> str:
    item = api.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}")
    image = item["spec"]["template"]["spec"]["containers"][0]["image"]
    return f"{image}, {item['spec']['replicas']} replicas, generation {item['metadata']['generation']}"


def old_enough(folder: Path) -> Chart:
    """The chart as it is, but for the version of Kubernetes that it asks for."""
    copy = folder / "chart" / "prefecture"
    shutil.copytree(CHART, copy)
    file = copy / "Chart.yaml"
    file.write_text(file.read_text().replace('">=1.29.0-0"', '">=1.20.0-0"'))
    return Chart.load(copy)


def life(api: Api, helm: Config, chart: Chart, jobs: Jobs) -> None:
    def show(step: str) -> None:
        history = [f"{r['revision']} {r['status']}" for r in helm.history(RELEASE)]
        print(f"\n== {step}\nrevisions:  {', '.join(history)}\ndeployment: {deployment(api)}")
        while jobs.said:
            print(jobs.said.pop(0))

    def have(expected: bool, what: str) -> None:
        if not expected:
            sys.exit(f"FAILED: {what}\n{objects(api)}")

    waited = {"namespace": NAMESPACE, "wait": "hookOnly", "timeout": PATIENCE}
    helm.install(chart, RELEASE, VALUES, **waited)
    show("install")
    print("objects:    " + "\n            ".join(objects(api)))
    have("jobs/prefecture-migration" not in objects(api), "a job that succeeded is removed")

    helm.upgrade(chart, RELEASE, VALUES | {"image": {"tag": "second"}, "replicaCount": 4}, **waited)
    show("upgrade: another image, 4 replicas")
    have("second, 4 replicas" in deployment(api), "the upgrade reached the deployment")

    broken = {"serving": {"existingSecret": "serving"}, "owner": {"existingSecret": "broken"}}
    try:
        helm.upgrade(chart, RELEASE, VALUES | {"image": {"tag": "third"}, "database": broken}, **waited)
        sys.exit("FAILED: an upgrade whose migration fails must fail")
    except HelmError as error:
        said = str(error).strip().splitlines()[0]
    show("upgrade whose migration fails")
    print(f"helm said:  {said[:110]}")
    have("second, 4 replicas" in deployment(api), "no pod changed")
    have("jobs/prefecture-migration" in objects(api), "the job that failed stays, with its log")

    helm.rollback(RELEASE, version=1, wait="hookOnly", timeout=PATIENCE)
    show("rollback to 1")
    have("first, 2 replicas" in deployment(api), "the rollback reached the deployment")

    helm.uninstall(RELEASE, wait="hookOnly", timeout=PATIENCE)
    left = objects(api)
    print(f"\n== uninstall\nobjects:    {', '.join(left)}")
    # A hook is no part of the release: the job that failed is the operator's to remove.
    have(left == ["jobs/prefecture-migration"], "nothing of the release is left")



def main() -> None:
    programs = Path(sys.argv[1])
    program = Path(os.environ.get("PREFECTURE_BIN", ROOT / "target" / "debug" / "prefecture"))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prefecture-kubernetes-")))
        folder.chmod(0o755)
        database = start_postgres(folder, program, stack)
        api = start_api(programs, folder, stack)
        print(f"kube-apiserver {api.get('/version')['gitVersion']}")
        api.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        for name, url in [("serving", database), ("owner", database), ("broken", "postgres://nobody@127.0.0.1:1/none")]:
            api.post(f"/api/v1/namespaces/{NAMESPACE}/secrets", {"metadata": {"name": name}, "stringData": {"url": url}})
        jobs = Jobs(api, program)
        jobs.start()
        stack.callback(jobs.stop)
        helm = stack.enter_context(Config(kubeconfig_content=api.kubeconfig(), namespace=NAMESPACE))
        life(api, helm, old_enough(folder), jobs)
        print("\nall as it should be")


if __name__ == "__main__":
    main()
