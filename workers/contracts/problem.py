"""The one exception that carries an explanation for a person."""


class Problem(Exception):  # noqa: N818 - it is shown to people, who know problems rather than errors
    """A known fault: what happened, why, and how to go on.

    The command line prints it as a sentence, the API as its error shape; neither shows a traceback for it.
    No field may hold a secret value.
    """

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what = what
        self.why = why
        self.fix = fix
        super().__init__(" ".join(part for part in (what, why, fix) if part))
