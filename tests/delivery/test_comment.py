"""The pull request's comment: one, which is edited. Against a stand-in of GitHub's REST API."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bmx.github import AUTHOR, MARKER
from gate.report import MARKDOWN_LIMIT
from local.paths import REPO
from tests.delivery.workflows import step

LIMIT_OF_A_PAGE = 2


class GitHub:
    """Comments of one pull request, in pages, as the REST API shows and takes them."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.tokens: set[str | None] = set()
        self.status = 0
        """Where set, the answer to everything that writes."""
        github = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = int((re.findall(r"[?&]page=(\d+)", self.path) or ["1"])[0])
                shown = github.comments[(page - 1) * LIMIT_OF_A_PAGE : page * LIMIT_OF_A_PAGE]
                more = page * LIMIT_OF_A_PAGE < len(github.comments)
                path = self.path.split("?")[0]
                link = f'<{github.address}{path}?per_page=100&page={page + 1}>; rel="next"' if more else ""
                self._answer(200, shown, link)

            def do_POST(self) -> None:
                made = {"id": len(github.comments) + 1, "user": {"login": AUTHOR}, **self._body()}
                if not github.status:
                    github.comments.append(made)
                self._answer(github.status or 201, made)

            def do_PATCH(self) -> None:
                (found,) = [one for one in github.comments if self.path.endswith(f"/{one['id']}")]
                found.update(self._body())
                self._answer(200, found)

            def _body(self) -> dict[str, Any]:
                read: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                return read

            def _answer(self, status: int, content: object, link: str = "") -> None:
                github.asked.append(f"{self.command} {self.path.split('?')[0]}")
                github.tokens.add(self.headers["Authorization"])
                self.send_response(status)
                if link:
                    self.send_header("Link", link)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def say(self, author: str, body: str) -> None:
        self.comments.append({"id": len(self.comments) + 1, "user": {"login": author}, "body": body})


@pytest.fixture
def github() -> Iterator[GitHub]:
    made = GitHub()
    yield made
    made.server.shutdown()
    made.server.server_close()


def comment(github: GitHub, folder: Path, **reports: str) -> tuple[int, str]:
    """Run the workflow's own line with these reports."""
    (folder / "reports").mkdir(exist_ok=True)
    for name, text in reports.items():
        (folder / "reports" / f"{name}.md").write_text(text)
    if not (folder / "bmx").exists():
        (folder / "bmx").symlink_to(REPO / "bmx")
    done = step("pr.yml", "Write the one comment, or edit it").execute(
        folder,
        GITHUB_API_URL=github.address,
        GITHUB_REPOSITORY="bluemoxon/bluemoxon",
        GITHUB_TOKEN="a-token",
        NUMBER="7",
    )
    return done.returncode, done.stdout + done.stderr


def test_the_comment_is_written_once_and_then_edited(github: GitHub, tmp_path: Path) -> None:
    github.say("somebody", "Looks good")
    github.say("somebody", f"{MARKER}\nnot the workflow's")
    github.say(AUTHOR, "of another workflow")
    for text in ("first", "second", "third"):
        code, said = comment(github, tmp_path, prod=f"prod: {text}", staging=f"staging: {text}")
        assert code == 0, said
        (mine,) = [one for one in github.comments if one["user"]["login"] == AUTHOR and MARKER in one["body"]]
        assert f"prod: {text}" in mine["body"]
        assert f"staging: {text}" in mine["body"]
    assert len(github.comments) == 4
    writes = [one for one in github.asked if not one.startswith("GET")]
    path = "/repos/bluemoxon/bluemoxon/issues"
    assert writes == [f"POST {path}/7/comments"] + [f"PATCH {path}/comments/4"] * 2
    assert github.tokens == {"Bearer a-token"}


def test_every_stack_gets_its_share_of_a_comment(github: GitHub, tmp_path: Path) -> None:
    long = "\n".join(f"| row {number} |" for number in range(10_000))
    assert comment(github, tmp_path, prod=f"prod\n{long}", staging=f"staging\n{long}")[0] == 0
    body = github.comments[0]["body"]
    assert len(body) < MARKDOWN_LIMIT
    assert "prod\n| row 0" in body
    assert "staging\n| row 0" in body
    assert body.count("more lines do not fit") == 2


def test_a_refused_comment_fails_with_the_reason_and_without_the_token(
    github: GitHub, tmp_path: Path
) -> None:
    github.status = 403
    code, said = comment(github, tmp_path, prod="prod")
    assert code == 1
    assert "pull-requests: write" in said
    assert "a-token" not in said
    assert github.comments == []
