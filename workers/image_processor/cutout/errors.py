"""Faults of a photo that trying again does not cure."""

from workers.contracts import ErrorCode, Problem


class ImageFaultError(Problem):
    """This photo cannot be cut out; `code` says why in the contract's terms."""

    def __init__(self, code: ErrorCode, what: str, *, why: str = "", fix: str = "") -> None:
        super().__init__(what, why=why, fix=fix)
        self.code = code
