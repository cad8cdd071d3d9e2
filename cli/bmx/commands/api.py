"""`bmx api`: any call of the API, with the stack's key."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bmx.api import ApiProblem
from bmx.connection import open_api
from bmx.options import ApiStackOption, UrlOption
from bmx.output import JsonOption, Outcome, Ui, execute
from infra.naming import LOCAL
from workers.contracts.problem import Problem


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command(epilog="Example: bmx api GET '/books?q=atlas'")(api)


def api(
    method: Annotated[str, typer.Argument(help="GET, POST, PUT, PATCH or DELETE.", show_default=False)],
    path: Annotated[str, typer.Argument(help="The path, with its query.", show_default=False)],
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="A JSON body; @FILE reads a file, - the standard input."),
    ] = None,
    stack: ApiStackOption = LOCAL,
    url: UrlOption = None,
    json_output: JsonOption = False,
) -> None:
    """Call the API of a stack with its key, and show the answer.

    `bmx open docs` shows every call there is.
    """

    def action(ui: Ui) -> Outcome:
        body = _body(data)
        answer, ok = None, True
        with open_api(stack, url) as client:
            try:
                answer = client.call(method.upper(), path, body)
            except ApiProblem as problem:
                answer, ok = problem.answer, False
                if answer is None:
                    raise
                ui.warn(f"HTTP {problem.status}.")
        return Outcome(data=answer, view=json.dumps(answer, indent=2, ensure_ascii=False), ok=ok)

    execute("api", json_output, action)


def _body(data: str | None) -> Any:
    if data is None:
        return None
    if data == "-":
        text = sys.stdin.read()
    elif data.startswith("@"):
        text = Path(data[1:]).read_text(encoding="utf-8")
    else:
        text = data
    try:
        return json.loads(text)
    except ValueError as error:
        raise Problem(
            "The body is no JSON.", why=str(error), fix="""Quote it: -d '{"title": "…"}'"""
        ) from None
