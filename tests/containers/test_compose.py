"""What can be told of the containers without a container engine."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from domain.ids import System
from entrypoints.cli.commands import COMMANDS
from tests.containers.compose import (
    ROOT,
    compose,
    environment,
    example,
    filled_in,
    ours,
    services,
    text,
    variables,
)
from workers.settings import SETTINGS_FILE, Settings

ONCE = {"temporal-schema", "migrations"}
_SECRET = re.compile(r"PASSWORD|PWD|SECRET|TOKEN|KEYS|API_KEY")
_IMAGE = re.compile(r"([a-z0-9]+/)?[a-z0-9-]+:(\$\{\w+:-[\w.]+\})")
_OF_COMPOSE = {"name", "services", "volumes"}
_OF_A_SERVICE = {
    *("image", "build", "command", "entrypoint", "environment", "volumes", "tmpfs", "ports", "depends_on"),
    *("healthcheck", "restart", "profiles", "read_only", "cap_drop", "security_opt", "stop_grace_period"),
}


def test_every_part_of_the_file_is_known_to_compose() -> None:
    assert {part for part in compose() if not part.startswith("x-")} == _OF_COMPOSE
    for name, service in services().items():
        assert service.keys() <= _OF_A_SERVICE, name


def test_images_have_a_name_and_a_tag_and_come_from_nowhere_in_particular() -> None:
    for name, service in services().items():
        assert _IMAGE.fullmatch(service["image"]), name


@pytest.mark.parametrize("name", services())
def test_whatever_ends_comes_back_and_says_whether_it_is_well(name: str) -> None:
    service = services()[name]
    if name in ONCE:
        assert service["restart"] == "on-failure:5"
        assert "healthcheck" not in service
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_nobody_waits_for_what_is_not_there_nor_for_what_never_says_that_it_is_ready() -> None:
    for service in services().values():
        for name, wait in service.get("depends_on", {}).items():
            assert wait == {
                "condition": "service_completed_successfully" if name in ONCE else "service_healthy"
            }
            assert name in services()


def test_every_value_is_explained_in_the_example_and_none_is_explained_in_vain() -> None:
    used = {variable.name for variable in variables(text())}
    assert used == example().keys()


def test_no_secret_has_a_value_that_works() -> None:
    for variable in variables(text()):
        assert (variable.default is None) is bool(_SECRET.search(variable.name)), variable
    for name, value in example().items():
        assert bool(value) is not bool(_SECRET.search(name)), name
        if value:
            assert {variable.default for variable in variables(text()) if variable.name == name} == {value}


def test_no_secret_is_written_into_the_file() -> None:
    for name, service in services().items():
        for variable, value in service.get("environment", {}).items():
            if _SECRET.search(variable):
                assert re.search(r"\$\{\w+:\?\}", str(value)), (name, variable)


@pytest.mark.parametrize("missing", [name for name in example() if _SECRET.search(name)])
def test_an_empty_secret_stops_whoever_needs_it(missing: str) -> None:
    values = filled_in() | {missing: ""}
    refused = set()
    for name, service in services().items():
        try:
            environment(service, values)
        except KeyError:
            refused.add(name)
    assert refused


def test_ports_are_open_to_this_machine_only() -> None:
    for name, service in services().items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


@pytest.mark.parametrize("name", ours())
def test_our_containers_may_do_little_and_run_a_command_that_there_is(name: str) -> None:
    service = ours()[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["command"][0] in COMMANDS or name == "api"  # the API is a package of its own


def test_every_variable_of_ours_is_a_setting_and_the_settings_can_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, service in ours().items():
        told = environment(service, filled_in())
        if name == "simulator":
            continue
        with monkeypatch.context() as patch:
            for variable, value in told.items():
                patch.setenv(variable, value)
            patch.setenv(SETTINGS_FILE, str(ROOT / "deploy" / "settings.json"))
            settings = Settings()
        fields = {variable.removeprefix("ORDERSAGA_").lower().partition("__")[0] for variable in told}
        assert fields - {"settings"} <= Settings.model_fields.keys(), name
        assert settings.encryption_keys.get_secret_value()


def test_every_queue_has_its_worker_and_every_worker_its_queue() -> None:
    settings = json.loads((ROOT / "deploy" / "settings.json").read_text())
    queues = {"orders"}
    for channel in settings["channels"].values():
        policies = channel["policies"]
        assert policies["adapters"].keys() == {system.value for system in System}
        queues |= set(policies["task_queues"].values())
    served = {service["command"][2] for service in ours().values() if service["command"][0] == "worker"}
    assert served == queues


def test_what_runs_in_the_image_is_what_was_tested() -> None:
    def pinned(file: str) -> dict[str, set[str]]:
        blocks = re.split(r"\n(?=\S)", (ROOT / file).read_text())
        return {
            block.split(" ")[0]: set(re.findall(r"sha256:\w+", block)) for block in blocks if "==" in block
        }

    runs, tested = pinned("deploy/requirements.lock"), pinned("requirements.lock")
    assert runs.items() <= tested.items()
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[<>=~]", dependency)[0] for dependency in wanted}
    assert names <= {name.split("==")[0] for name in runs}
    assert not {name for name in runs if name.startswith(("pytest", "trytond", "localstripe"))}


def test_the_image_is_nobody_s_root_and_every_file_of_it_was_checked() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER ordersaga"]
    for line in lines:
        if "pip install" in line:
            assert "--require-hashes" in line or "--no-index" in line, line
    assert lines[-2:] == ['ENTRYPOINT ["ordersaga"]', 'CMD ["--help"]']
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = {
        word
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    assert {f"!{name}" for name in copied} <= set(ignored)
    assert "*" in ignored


def test_compose_itself_takes_the_file(tmp_path: Path) -> None:
    command = _compose()
    if command is None:
        pytest.skip("docker compose is not installed")
    values = tmp_path / "env"
    values.write_text("".join(f"{name}={value}\n" for name, value in filled_in().items()))
    asked = [*command, "--env-file", str(values), "-f", str(ROOT / "docker-compose.yml")]
    asked += ["--profile", "demo", "config", "--quiet"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr


def _compose() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        there = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        return ["docker", "compose"] if there.returncode == 0 else None
    return None
