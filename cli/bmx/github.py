"""One comment on a pull request: written once, then edited. GitHub's REST API, by its own variables."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from workers.contracts.problem import Problem

MARKER = "<!-- bmx-plan-check -->"
"""The first line of the comment, by which it is found again."""

AUTHOR = "github-actions[bot]"
"""Who writes with a workflow's token: a comment of anybody else is not ours, whatever its first line says."""


@dataclass(frozen=True)
class PullRequest:
    """A pull request of the repository that a workflow runs for."""

    api: str
    repository: str
    number: int
    token: str

    @classmethod
    def of_workflow(cls, number: int) -> "PullRequest":
        """From the variables that GitHub sets, and GITHUB_TOKEN; raises `Problem` naming what is missing."""
        names = ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise Problem(
                f"There is no {' and no '.join(missing)} in the environment.",
                why="They say where the comment goes, and by which right.",
                fix="Run this in a workflow, with GITHUB_TOKEN set from `github.token`.",
            )
        api, repository, token = (os.environ[name] for name in names)
        return cls(api, repository, number, token)

    def put(self, text: str) -> bool:
        """Write the comment, or edit the one that is there; whether it is new."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        body = {"body": f"{MARKER}\n{text}"}
        base = f"{self.api}/repos/{self.repository}"
        with httpx.Client(headers=headers, timeout=30) as client:
            mine = self._find(client, f"{base}/issues/{self.number}/comments")
            if mine is None:
                _ask(client, "POST", f"{base}/issues/{self.number}/comments", json=body)
            else:
                _ask(client, "PATCH", f"{base}/issues/comments/{mine}", json=body)
        return mine is None

    def _find(self, client: httpx.Client, comments: str) -> int | None:
        page: str | None = f"{comments}?per_page=100"
        while page:
            answer = _ask(client, "GET", page)
            for one in answer.json():
                if one["user"]["login"] == AUTHOR and str(one["body"]).startswith(MARKER):
                    return int(one["id"])
            page = answer.links.get("next", {}).get("url")
        return None


def joined(reports: Sequence[str]) -> str:
    """Reports as one comment's text: each gets its share of what a comment takes."""
    from gate.report import MARKDOWN_LIMIT, fit

    share = (MARKDOWN_LIMIT - len(MARKER) - 2) // max(1, len(reports))
    return "\n".join(fit(report.rstrip("\n").splitlines(), share) for report in reports)


def _ask(client: httpx.Client, method: str, address: str, **body: Any) -> httpx.Response:
    try:
        answer = client.request(method, address, **body)
    except httpx.TransportError as error:
        raise Problem(
            f"GitHub could not be reached ({type(error).__name__}).", fix="Run the job again."
        ) from error
    if answer.is_error:
        raise Problem(
            f"GitHub refused the comment: {answer.status_code} {answer.reason_phrase}.",
            why="The job's token may not write to pull requests; for a fork it never may.",
            fix="Give the job `permissions: pull-requests: write`.",
        )
    return answer
