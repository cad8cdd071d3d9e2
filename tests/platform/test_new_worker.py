"""`bmx worker new`: one command, and the worker is everywhere. In a copy of the project."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bmx.scaffold import stacks
from bmx.scaffold.worker import DECLARATION, insert_entry
from infra.document import DOCUMENT, render
from infra.workers import WORKERS, Container
from tests.platform.program import ROOT
from tests.platform.project_copy import copy_project, run_python
from workers.contracts import Problem

NEW = "price_check"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module", params=["container", "chalice", "external"])
def added(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Json]:
    """Kind, project and the command's answer after a worker was added."""
    root = copy_project(tmp_path_factory.mktemp("project"))
    command = ["worker", "new", NEW, "--kind", request.param, "--summary", "Asks dealers for prices."]
    command += ["--results-to", "image_results", "--stack", "local", "--stack", "staging", "--json"]
    done = run_python(root, "-m", "bmx", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return request.param, root, json.loads(done.stdout)["data"]


@pytest.fixture(scope="module")
def found(added: tuple[str, Path, Json]) -> Json:
    """What the copy makes of its workers."""
    done = run_python(added[1], "-m", "tests.platform.probe")
    assert done.returncode == 0, done.stderr[-2000:]
    loaded: Json = json.loads(done.stdout)
    return loaded


def test_what_was_made_is_there(added: tuple[str, Path, Json]) -> None:
    kind, root, answer = added
    assert all((root / path).is_file() for path in answer["created"])
    assert {str(DECLARATION), "docs/workers.md", "Pulumi.local.yaml", "Pulumi.staging.yaml"} <= set(
        answer["changed"]
    )
    assert {
        "container": f"workers/{NEW}/Dockerfile",
        "chalice": f"app/chalicelib/handlers/{NEW}.py",
        "external": None,
    }[kind] in [*answer["created"], None]
    assert bool(answer["created"]) == (kind != "external"), "no placeholder code is made"
    assert answer["next"]


def test_it_has_queue_dlq_alarms_and_dashboard(added: tuple[str, Path, Json], found: Json) -> None:
    kind, resources, name = added[0], found["local"], "bluemoxon-local-price-check"
    queue = resources["Queue"]["price-check"]
    assert queue["name"] == name
    assert json.loads(queue["redrivePolicy"])["deadLetterTargetArn"].endswith(f":{name}-dlq")
    assert resources["Queue"]["price-check-dlq"]["name"] == f"{name}-dlq"
    assert {"price-check-dlq-not-empty", "price-check-oldest-message"} <= set(resources["MetricAlarm"])
    assert ("price-check-errors" in resources["MetricAlarm"]) == (kind != "external")
    for type_ in ("Function", "EventSourceMapping", "LogGroup", "Repository", "Role"):
        assert ("price-check" in resources[type_]) == (kind == "container"), type_


def test_its_rights_are_given(added: tuple[str, Path, Json], found: Json) -> None:
    kind, policies = added[0], found["local"]["RolePolicy"]
    arn = ":bluemoxon-local-price-check"
    api = {one["Sid"]: one for one in json.loads(policies["api"]["policy"])["Statement"]}
    assert arn in json.dumps(api["SendAndInspect"]["Resource"])
    assert f"{arn}-dlq" in json.dumps(api["TendDeadLetters"]["Resource"])
    assert (arn in json.dumps(api["ConsumeResults"]["Resource"])) == (kind == "chalice")
    if kind == "container":
        own = {one["Sid"]: one for one in json.loads(policies["price-check"]["policy"])["Statement"]}
        assert set(own) == {"ConsumeOwnQueue", "WriteOwnLogs", "SendResults"}
        assert own["ConsumeOwnQueue"]["Resource"].endswith(arn)


def test_the_application_knows_it(added: tuple[str, Path, Json], found: Json) -> None:
    entry = json.loads(found["environment"]["BMX_QUEUES"])[NEW]
    assert (entry["queue"], entry["consumer"]) == ("bluemoxon-local-price-check", added[0])
    health = {one["worker"]: one["status"] for one in found["system_info"]["health"]["queues"]}
    assert health[NEW] == "ok"
    assert set(health) == set(found["queues"])
    assert NEW in json.dumps(found["system_info"]["infrastructure"])


def test_the_dashboard_of_a_stack_on_aws_has_its_row(added: tuple[str, Path, Json], found: Json) -> None:
    kind, resources = added[0], found["staging"]
    body = json.loads(resources["Dashboard"]["dashboard"]["dashboardBody"])
    titles = [one["properties"]["markdown"] for one in body["widgets"] if one["type"] == "text"]
    assert any(title.startswith(f"### {NEW} ({kind})") for title in titles)
    # Its image is not there yet: everything but the function is.
    assert ("price-check" in resources["Repository"]) == (kind == "container")
    assert "price-check" not in resources.get("Function", {})


def test_its_skeleton_is_tested_and_clean(added: tuple[str, Path, Json]) -> None:
    _, root, answer = added
    sources = [path for path in answer["created"] + answer["changed"] if path.endswith(".py")]
    for tool in (["ruff", "check"], ["ruff", "format", "--check"]):
        done = run_python(root, "-m", *tool, *sources)
        assert done.returncode == 0, done.stdout
    for test in [path for path in sources if path.startswith("tests/")]:
        done = run_python(root, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
        assert done.returncode == 0, done.stdout[-2000:]


def test_its_handler_registers_as_it_is_told_in_the_stacks_that_have_it(
    added: tuple[str, Path, Json], found: Json
) -> None:
    kind, root, answer = added
    if kind != "chalice":
        assert "on_sqs_message" not in "".join(answer["next"])
        return
    told = next(one for one in answer["next"] if "on_sqs_message" in one)
    registration = textwrap.dedent(told.partition("\n")[2])
    app = root / "app" / "app.py"
    before = app.read_text()
    app.write_text(f"{before}\n\n{registration}\n")
    queues = json.loads(found["environment"]["BMX_QUEUES"])
    others = {name: one for name, one in queues.items() if name != NEW}
    script = (
        "import json, os, sys\nos.environ['BMX_QUEUES'] = sys.argv[1]\nimport app\n"
        "print(json.dumps({it.name: [it.queue_arn, it.batch_size] for it in app.app.event_sources\n"
        "    if hasattr(it, 'queue_arn')}))"
    )
    registered = []
    for some in (queues, others):
        done = run_python(root, "-c", script, json.dumps(some))
        assert done.returncode == 0, done.stderr[-2000:]
        registered.append(json.loads(done.stdout))
    app.write_text(before)
    assert registered[0][NEW] == [queues[NEW]["arn"], 1]
    assert set(registered[1]) == {"image_results"}


def test_the_docs_table_has_it(added: tuple[str, Path, Json]) -> None:
    kind, root, _ = added
    rows = [line for line in (root / "docs/workers.md").read_text().splitlines() if f"| `{NEW}` |" in line]
    assert len(rows) == 1
    assert kind in rows[0]


def test_the_docs_table_is_the_declarations() -> None:
    """`python -m infra.document` writes it anew."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert render(text) == text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["image_processing", "--kind", "external"], "taken"),
        (["api", "--kind", "external"], "taken"),
        (["Price-Check", "--kind", "container"], "lower-case"),
        (["p" * 60, "--kind", "container"], "too long"),
        ([NEW, "--kind", "external", "--timeout", "901"], "900"),
        ([NEW, "--kind", "container", "--memory", "64"], "128"),
        ([NEW, "--kind", "container", "--reads", "/books"], "prefix"),
        ([NEW, "--kind", "external", "--results-to", "nobody"], "no worker `nobody`"),
        ([NEW, "--kind", "external", "--stack", "nowhere"], "no stack `nowhere`"),
        ([NEW, "--kind", "external", "--summary", "two\nlines"], "one line"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    project: Path, arguments: list[str], reason: str
) -> None:
    before = contents(project)
    done = run_python(project, "-m", "bmx", "worker", "new", *arguments, "--json")
    assert done.returncode == 1, done.stdout
    error = json.loads(done.stdout)["error"]
    assert reason in " ".join(error.values())
    assert error["fix"]
    assert contents(project) == before


def test_a_project_that_does_not_take_it_is_left_as_it_was(tmp_path: Path) -> None:
    root = copy_project(tmp_path)
    (root / "Pulumi.staging.yaml").write_text("config:\n  bluemoxon:workers: [analysis]\n")
    before = contents(root)
    done = run_python(
        root, "-m", "bmx", "worker", "new", NEW, "--kind", "container", "--stack", "staging", "--json"
    )
    assert done.returncode == 1
    assert "everything is as it was" in json.loads(done.stdout)["error"]["message"]
    assert contents(root) == before


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not {"__pycache__", ".ruff_cache"} & set(path.parts)
    }


def test_an_entry_comes_last_and_nothing_else_changes() -> None:
    source = (ROOT / DECLARATION).read_text(encoding="utf-8")
    changed = insert_entry(source, "    ENTRY\n")
    assert changed.replace("    ENTRY\n", "") == source
    before, after = changed.split("    ENTRY\n")
    assert before.rstrip().endswith(",")
    assert after.startswith(")\n")


def test_a_declaration_of_another_form_is_not_guessed_at() -> None:
    with pytest.raises(Problem, match="WORKERS is not found"):
        insert_entry("WORKERS = tuple(load())\n", "    ENTRY\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  bluemoxon:workers: []\n", "  bluemoxon:workers: [w]\n"),
        ("  bluemoxon:workers: [a]\n", "  bluemoxon:workers: [a, w]\n"),
        ("  bluemoxon:workers: [a, b,]\n", "  bluemoxon:workers: [a, b, w]\n"),
        ("  bluemoxon:workers: [a] # all\n", "  bluemoxon:workers: [a, w] # all\n"),
    ],
)
def test_a_stack_gets_a_worker_and_keeps_its_comments(text: str, expected: str) -> None:
    assert stacks.with_worker("staging", text, "w", container=False) == expected


def test_a_stack_whose_workers_are_written_otherwise_is_not_guessed_at() -> None:
    with pytest.raises(Problem, match="on one line"):
        stacks.with_worker("staging", "  bluemoxon:workers:\n    - a\n", "w", container=False)


@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.name)
def test_a_containers_image_runs_the_declared_handler(worker: Any) -> None:
    if isinstance(worker.consumer, Container):
        dockerfile = (ROOT / "workers" / worker.consumer.handler.split(".")[1] / "Dockerfile").read_text()
        commands = [line for line in dockerfile.splitlines() if line.startswith("CMD ")]
        assert commands == [f'CMD ["{worker.consumer.handler}"]']
    else:
        assert not (ROOT / "workers" / worker.name).exists()
