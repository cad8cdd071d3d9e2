"""Lets the policy SDK unpack each resource once, and not once for each policy.

Its server turns a request's properties from a message into checked values anew for every policy, whether or
not the policy looks at the resource's type: with this pack's policies that is nearly all of its time
(benchmarks/policies.py). The results are read only, so one of each is enough.
"""

from collections.abc import Callable
from typing import Any

from pulumi_policy import policy as sdk

REMEMBERED = 16_384
"""Results that are kept; the engine asks about the stack's resources one by one, and at the end about all."""


class Once:
    """A function that remembers its results for single arguments, by the argument's identity."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._results: dict[int, tuple[Any, Any]] = {}

    def __call__(self, argument: Any, *more: Any, **named: Any) -> Any:
        if more or named:
            return self.function(argument, *more, **named)
        known = self._results.get(id(argument))
        if known is None:
            if len(self._results) >= REMEMBERED:
                self._results.clear()
            # The argument is kept with the result, so that nothing else gets its identity.
            known = self._results[id(argument)] = (argument, self.function(argument))
        return known[1]


class _JsonFormat:
    """`google.protobuf.json_format`, as far as the SDK uses it."""

    def __init__(self, original: Any) -> None:
        self._original = original
        self.MessageToDict = Once(original.MessageToDict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


def once() -> None:
    """Make this process's policy SDK so. Doing it twice changes nothing."""
    names = vars(sdk)
    if isinstance(names["unknown_checking_proxy"], Once):
        return
    names["json_format"] = _JsonFormat(names["json_format"])
    for name in ("deserialize_properties", "unknown_checking_proxy"):
        names[name] = Once(names[name])
