"""Tables as every command shows them."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def plain_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> "Table":
    """A table without lines; the last column is folded where the terminal is narrow."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads[:-1]:
        table.add_column(head, no_wrap=True)
    table.add_column(heads[-1], overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    return table
