"""The documentation is built only where its links hold."""

import shutil
from pathlib import Path

import pytest

from bmx.site import build
from local.paths import REPO, Paths
from local.reporting import LogReporter
from workers.contracts.problem import Problem


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's documentation."""
    shutil.copytree(REPO / "docs", tmp_path / "docs")
    shutil.copy(REPO / "mkdocs.yml", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("faq.md", "\n[gone](no-such-page.md)\n", "no-such-page.md"),
        ("faq.md", "\n[gone](api.md#no-such-part)\n", "no-such-part"),
        ("another.md", "# Not in the menu\n", "another.md"),
    ],
)
def test_what_leads_nowhere_fails(project: Path, file: str, text: str, said: str) -> None:
    with (project / "docs" / file).open("a", encoding="utf-8") as page:
        page.write(text)
    with pytest.raises(Problem, match=said):
        build(project, project / "site", Paths.default(), LogReporter())


def test_the_readme_leads_to_the_same_pages_as_the_first_of_them() -> None:
    def table(page: Path) -> list[str]:
        return [row.replace("(docs/", "(") for row in page.read_text().splitlines() if row.endswith(".md) |")]

    assert table(REPO / "README.md") == table(REPO / "docs" / "index.md")
    assert len(table(REPO / "README.md")) > 10


def test_the_projects_own_is_whole(project: Path) -> None:
    build(project, project / "site", Paths.default(), LogReporter())
    assert (project / "site" / "index.html").is_file()
