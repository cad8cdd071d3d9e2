"""`bmx credentials`: verify, adopt, move and rotate the database's login."""

import typer

credentials = typer.Typer(
    name="credentials", help="Keep the database and its secret in agreement.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(credentials)
