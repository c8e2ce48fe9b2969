"""The files of deploy/, as far as a machine without containers can tell: whole, consistent with the code, and accepted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import yaml
from django.apps import apps

from coach_project.launch import BASE_DIR
from coach_project.scraping import Build, Database
from gauges import metrics
from tests.conftest import Serve
from tests.serving import Server, free_port

DEPLOY = BASE_DIR / "deploy"
SERVE = "gunicorn --config coach_project/server.py coach_project.asgi:application"
WORK = "manage.py procrastinate worker"


def text(name: str) -> str:
    return (BASE_DIR / name).read_text(encoding="utf-8")


def test_the_container_has_every_room_and_nothing_else() -> None:
    rooms = {Path(app.path).name for app in apps.get_app_configs() if Path(app.path).parent == BASE_DIR}
    rooms |= {"coach_project", "gauges"}
    copied = set(re.findall(r"^COPY (\w+) \1$", text("deploy/Dockerfile"), re.MULTILINE))
    allowed = {line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")}
    assert copied == rooms
    assert allowed == rooms | {"requirements.txt", "requirements-otel.txt", "manage.py", "problems.py"}
    assert "USER 10001" in text("deploy/Dockerfile")
    assert "--require-hashes" in text("deploy/Dockerfile")


def test_everything_starts_the_server_and_its_worker_alike() -> None:
    blueprint = yaml.safe_load(text("render.yaml"))
    commands = {service["type"]: service["startCommand"] for service in blueprint["services"]}
    procfile = dict(re.findall(r"^(\w+): (.+)$", text("Procfile"), re.MULTILINE))
    for served in (commands["web"], procfile["web"], text("deploy/systemd/coach.service")):
        assert SERVE in served
    compose = yaml.safe_load(text("deploy/compose.yml"))["services"]
    assert " ".join(compose["worker"]["command"]).endswith(WORK)
    for working in (commands["worker"], procfile["worker"], text("deploy/systemd/coach-worker.service")):
        assert WORK in working
    quoted = '"' + '", "'.join(SERVE.split()) + '"'
    assert f"CMD [{quoted}]" in text("deploy/Dockerfile")


def test_what_the_container_gets_is_enough_to_start(tmp_path: Path, coach: Server) -> None:
    """No engine builds the image here: its files, alone in a folder, are loaded as the server and the worker load them."""
    for name in re.findall(r"^COPY (?!--from)(.+) \S+$", text("deploy/Dockerfile"), re.MULTILINE):
        for each in name.split():
            source = BASE_DIR / each
            (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / each)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "coach_project.settings", "COACH_AUTH": "token"}
    environment |= {"DJANGO_SECRET_KEY": "x" * 50, "DATABASE_URL": coach.where.url(), "COACH_DATA": "/nonexistent"}
    loading = (
        "import coach_project.asgi, django.urls; django.urls.resolve('/chat/stream'); print(coach_project.__file__)"
    )
    for command in (["-c", loading], ["manage.py", "migrate", "--check"], ["manage.py", "personas", "list"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert command[0] != "-c" or done.stdout.startswith(str(tmp_path))


def test_the_container_knows_whether_it_is_well(coach: Server) -> None:
    found = re.search(r"HEALTHCHECK .*\\\n    CMD (\[.+\])$", text("deploy/Dockerfile"), re.MULTILINE)
    assert found
    _, *words = json.loads(found[1])

    def status(port: int) -> int:
        known = {**os.environ, "PORT": str(port)}
        return subprocess.run([sys.executable, *words], env=known, capture_output=True, check=False).returncode

    assert status(int(coach.url.rpartition(":")[2])) == 0
    assert status(free_port()) != 0


def test_the_cache_of_the_containers_keeps_nothing_and_is_waited_for_by_nobody() -> None:
    services = yaml.safe_load(text("deploy/compose.yml"))["services"]
    command = services["redis"]["command"]
    assert command[command.index("--save") + 1] == ""
    assert command[command.index("--appendonly") + 1] == "no"
    for name in ("app", "worker", "migrate"):
        assert services[name]["environment"]["REDIS_URL"] == "redis://redis:6379/0"
        assert "redis" not in services[name]["depends_on"]
    assert "ports" not in services["redis"]


def test_a_stop_leaves_turns_the_time_to_end() -> None:
    compose = yaml.safe_load(text("deploy/compose.yml"))["services"]
    assert compose["app"]["stop_grace_period"] == "45s"
    assert "TimeoutStopSec=45" in text("deploy/systemd/coach.service")
    assert "maxShutdownDelaySeconds: 45" in text("render.yaml")


def test_every_setting_that_is_named_exists() -> None:
    known = set(re.findall(r"`([A-Z][A-Z_]+)`", text("docs/settings.md"))) | {"POSTGRES_PASSWORD", "PYTHON_VERSION"}
    named = set(re.findall(r"^([A-Z][A-Z_]+)=", text("deploy/env.example"), re.MULTILINE))
    named |= set(re.findall(r"key: ([A-Z][A-Z_]+)", text("render.yaml")))
    assert len(named) > 12
    assert named <= known


def test_no_secret_stands_in_a_file() -> None:
    for line in text("deploy/env.example").splitlines():
        if re.match(r"[A-Z_]*(KEY|PASSWORD|TOKEN)[A-Z_]*=", line):
            assert line.endswith("="), line


def families(text: str) -> set[str]:
    """The metrics that a text names, without what Prometheus adds to a histogram's name."""
    return {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\bcoach_[a-z_]+", text)}


def shown() -> set[str]:
    """What a scrape may hold, by the names of samples."""
    collected = [*metrics.OWN.collect(), *Database({}).collect(), *Build().collect()]
    return {family.name + ("_total" if family.type == "counter" else "") for family in collected}


def test_alerts_the_dashboard_and_the_document_name_metrics_that_there_are(coach: Server) -> None:
    alerts, dashboard = text("deploy/prometheus/alerts.yml"), text("deploy/grafana/coach.json")
    scraped = httpx2.get(f"{coach.url}/metrics").text
    assert families(" ".join(re.findall(r"^# TYPE (\w+)", scraped, re.MULTILINE))) <= shown()
    named = families(alerts) | families(dashboard)
    assert named <= shown()
    assert shown() <= named, "An operator sees it nowhere."
    assert families("\n".join(re.findall(r"^\|.*", text("docs/observability.md"), re.MULTILINE))) == shown()


def test_each_alert_says_how_urgent_it_is_and_what_is_the_matter() -> None:
    (group,) = yaml.safe_load(text("deploy/prometheus/alerts.yml"))["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) > 10
    for rule in group["rules"]:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
    config = yaml.safe_load(text("deploy/prometheus/prometheus.yml"))
    assert config["rule_files"] == ["alerts.yml"]


def test_the_dashboard_can_be_imported() -> None:
    dashboard = json.loads(text("deploy/grafana/coach.json"))
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("unit", ["coach.service", "coach-worker.service"])
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    said = text(f"deploy/systemd/{unit}")
    assert re.findall(r"^\[(\w+)\]$", said, re.MULTILINE) == ["Unit", "Service", "Install"]
    if analyze is None:  # not everywhere
        return
    # Where /srv/coach is not, its programs are not either: those of this machine stand for them.
    (tmp_path / unit).write_text(
        said.replace("/srv/coach/.venv/bin/gunicorn", "/bin/true").replace("/srv/coach/.venv/bin/python", "/bin/true"),
        encoding="utf-8",
    )
    done = subprocess.run([analyze, "verify", "--man=no", tmp_path / unit], capture_output=True, text=True, check=False)
    assert unit not in done.stderr, done.stderr


def test_health_is_served_for_any_host_where_the_server_is_for_others(server: Serve) -> None:
    coach = server(COACH_AUTH="token", DJANGO_SECRET_KEY="x" * 50)
    for path in ("/health/live", "/health/ready"):
        assert httpx2.get(f"{coach.url}{path}", headers={"Host": "10.1.2.3:8000"}).status_code == 200
    assert httpx2.get(f"{coach.url}/chat/personas", headers={"Host": "10.1.2.3"}).status_code == 400


def test_in_open_mode_health_is_not_served_for_a_foreign_host(coach: Server) -> None:
    assert httpx2.get(f"{coach.url}/health/live", headers={"Host": "evil.example"}).status_code == 400
