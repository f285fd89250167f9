"""The files of deploy/: each names settings that the program has, and what stands beside it."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from shared import ROOT, flags_of, program, refusals, settings_of

DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()


def assert_known(names: set[str], command: str) -> None:
    unknown = {name for name in names if name.startswith("PREFECTURE_")} - settings_of(command)
    assert not unknown, f"prefecture {command} has no setting {unknown}"


# -- Docker
def test_the_dockerfile_is_linted():
    hadolint = Path(sys.executable).with_name("hadolint")
    subprocess.run([hadolint, "--failure-threshold", "info", DEPLOY / "Dockerfile"], check=True)


def test_the_image_is_built_with_the_toolchain_of_the_repository():
    channel = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]
    base, debian = re.search(r"FROM rust:([\d.]+)-slim-(\w+) AS build", DOCKERFILE).groups()
    assert base == channel
    # A program that was linked against a newer libc than it is run with does not start.
    assert debian == "bookworm" and "distroless/cc-debian12" in DOCKERFILE


def test_the_image_is_not_root_and_knows_its_settings():
    last = DOCKERFILE.rsplit("FROM ", 1)[1]
    user = re.search(r"^USER (\d+):\d+$", last, re.MULTILINE)
    assert user and int(user[1]) > 0
    assert_known(set(re.findall(r"\b(PREFECTURE_\w+)=", last)), "serve")


def test_the_build_sees_all_that_it_needs():
    """The workspace's members and what the crates include pass the ignore file."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    needed = {member.split("/")[0] for member in members} | {"Cargo.toml", "Cargo.lock"}
    assert needed <= let_in and lines[0].startswith("#") and "*" in lines
    for crate in ("wire", "domain", "tenant-store", "gateway"):
        for source in (ROOT / crate).rglob("*.rs"):
            for named in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', source.read_text()):
                included = (source.parent / named).resolve().relative_to(ROOT)
                assert included.parts[0] in let_in, f"{source} includes {included}"


# -- Compose
def is_composed(file: Path) -> bool:
    """By the schema of the Compose specification."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    return subprocess.run(command, check=False).returncode == 0


def test_the_compose_file_is_valid(tmp_path):
    assert is_composed(DEPLOY / "compose" / "compose.yaml")
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(yaml.safe_dump(COMPOSE | {"servces": {}}))
    assert not is_composed(wrong), "the check can fail"


def test_the_program_takes_what_compose_gives_it():
    given = COMPOSE["services"]["prefecture"]["environment"]
    written = {"PREFECTURE_ENCRYPTION_KEYS": "one:MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE="}
    env = {name: re.sub(r"\$\{\w+:\?[^}]*\}", written.get(name, "secret"), value) for name, value in given.items()}
    # Nobody has these names here.
    env = {name: re.sub(r"(@|//)(postgres|valkey)\b", r"\g<1>127.0.0.1:1", value) for name, value in env.items()}
    assert refusals(env) == []


def test_compose_names_settings_that_are_there():
    for name in ("migrate", "prefecture"):
        service = COMPOSE["services"][name]
        command, *flags = service["command"]
        assert_known(set(service["environment"]), command)
        assert set(flags) - flags_of(command) == set()


def test_compose_names_files_that_are_there():
    folder = DEPLOY / "compose"
    for name, service in COMPOSE["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (folder / source).exists(), f"{name}: {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name}: {source}"
        if build := service.get("build"):
            assert (folder / build["context"] / build["dockerfile"]).is_file()
        for needed, how in service.get("depends_on", {}).items():
            assert needed in COMPOSE["services"]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][needed]


def test_compose_asks_for_what_the_example_names():
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "compose" / "compose.yaml").read_text()))
    example = (DEPLOY / "compose" / "example.env").read_text()
    assert asked == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert not re.findall(r"^\w+=\S", example, re.MULTILINE), "an example password is a password that stays"


def test_compose_hardens_the_program():
    for name in ("migrate", "prefecture"):
        service = COMPOSE["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_shell_scripts_are_well_formed():
    for script in [DEPLOY / "compose" / "make-database.sh", DEPLOY / "packages.sh", DEPLOY / "quickstart"]:
        subprocess.run(["bash", "-n", script], check=True)


# -- systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_run_commands_with_settings_that_are_there(unit):
    text = unit.read_text()
    command = re.search(r"^ExecStart=/usr/local/bin/prefecture (\w+)$", text, re.MULTILINE)[1]
    env = (DEPLOY / "systemd" / "prefecture.env").read_text()
    assert_known(set(re.findall(r"^#?(\w+)=", env, re.MULTILINE)), "serve")
    assert settings_of(command)
    assert "EnvironmentFile=/etc/prefecture/prefecture.env" in text


def test_the_program_takes_the_example_of_its_settings():
    text = (DEPLOY / "systemd" / "prefecture.env").read_text()
    given = re.findall(r"^#?(PREFECTURE_\w+)=(\S+)$", text, re.MULTILINE)
    assert ("PREFECTURE_REDIS_URL", "redis://127.0.0.1") in given
    # Whoever listens on this machine is not meant.
    env = {name: re.sub(r"(@|//)127\.0\.0\.1(?=/|$)", r"\g<1>127.0.0.1:1", value) for name, value in given}
    assert refusals(env) == []


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_units_are_verified_and_hardened(tmp_path):
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/local/bin/prefecture", program()))
    units = [tmp_path / unit.name for unit in UNITS]
    verified = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    ours = [line for line in verified.stderr.splitlines() if "prefecture" in line]
    assert verified.returncode == 0 and not ours, verified.stderr
    for unit in units:
        # In tenths; up to 2.0 systemd itself says "OK".
        subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit], check=True)
