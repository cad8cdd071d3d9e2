"""Package `random`: values drawn once and kept in the state.

There is no service behind it. As in the real provider every input is fixed at creation: a changed one draws
anew, which is why `keepers` are there and why a changed length of a password is an incident.
"""
# ruff: noqa: ARG002, S105

import base64
import random
import secrets
import string
import uuid
from abc import abstractmethod

from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.schema import Mismatch
from local.provider.values import Bag, Properties, Unknown

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
"""The real provider's special characters."""

_CLASSES = (
    ("upper", "minUpper", string.ascii_uppercase),
    ("lower", "minLower", string.ascii_lowercase),
    ("numeric", "minNumeric", string.digits),
    ("special", "minSpecial", SPECIAL),
)


def draw(inputs: Properties) -> str:
    """A string of the wanted length and classes, with at least the wanted number of each."""
    alphabet, required = "", []
    for switch, minimum, characters in _CLASSES:
        if switch == "special" and inputs.get("overrideSpecial"):
            characters = str(inputs["overrideSpecial"])
        if inputs.get(switch, True):
            alphabet += characters
        required += [secrets.choice(characters) for _ in range(int(inputs.get(minimum) or 0))]
    drawn = required + [secrets.choice(alphabet) for _ in range(int(inputs["length"]) - len(required))]
    random.SystemRandom().shuffle(drawn)
    return "".join(drawn)


class Drawn(ResourceType):
    """A value without a service: drawn at creation, in the state ever after."""

    @abstractmethod
    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        """Draw: the id and the outputs."""

    def create(self, ctx: Context, inputs: Bag) -> tuple[str, Bag]:
        identifier, outputs = self.drawn(inputs.values)
        outputs = {**inputs.values, **outputs}
        return identifier, Bag(outputs, self.marked(outputs, inputs))

    def make(self, ctx: Context, inputs: Properties) -> str:
        raise NotImplementedError(f"{self.token} is drawn, not made")

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        """The state is all there is."""
        return dict(state)

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        """Nothing to remove."""


_TEXT_INPUTS = frozenset(
    {"keepers", "length", "lower", "minLower", "minNumeric", "minSpecial", "minUpper", "numeric", "number"}
    | {"overrideSpecial", "special", "upper"}
)


class _Text(Drawn):
    replace_on = _TEXT_INPUTS

    def validate(self, inputs: Properties) -> list[Mismatch]:
        """Refuse what no string can meet."""
        if any(isinstance(value, Unknown) for value in inputs.values()):
            return []
        wanted = sum(int(inputs.get(minimum) or 0) for _, minimum, _ in _CLASSES)
        if int(inputs["length"]) < max(wanted, 1):
            return [
                Mismatch("length", f"is {inputs['length']}, but the minimum counts need {max(wanted, 1)}")
            ]
        if not any(inputs.get(switch, True) for switch, _, _ in _CLASSES):
            return [Mismatch("special", "every class of characters is switched off")]
        return []


class RandomPassword(_Text):
    """A secret string. `bcryptHash` is not given: nothing here hashes passwords that way."""

    token = "random:index/randomPassword:RandomPassword"
    secret_outputs = frozenset({"result", "bcryptHash"})

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        return "none", {"result": draw(inputs)}


class RandomString(_Text):
    """A string that is no secret."""

    token = "random:index/randomString:RandomString"

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        result = draw(inputs)
        return result, {"result": result}


class RandomId(Drawn):
    """Random bytes in the usual spellings."""

    token = "random:index/randomId:RandomId"
    replace_on = frozenset({"byteLength", "keepers", "prefix"})

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        data = secrets.token_bytes(int(inputs["byteLength"]))
        prefix = str(inputs.get("prefix") or "")
        url = base64.urlsafe_b64encode(data).decode().rstrip("=")
        return url, {
            "b64Url": prefix + url,
            "b64Std": prefix + base64.b64encode(data).decode(),
            "hex": prefix + data.hex(),
            "dec": prefix + str(int.from_bytes(data, "big")),
        }


class RandomBytes(Drawn):
    """Random bytes that are a secret."""

    token = "random:index/randomBytes:RandomBytes"
    replace_on = frozenset({"length", "keepers"})
    secret_outputs = frozenset({"base64", "hex"})

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        data = secrets.token_bytes(int(inputs["length"]))
        return "none", {"base64": base64.b64encode(data).decode(), "hex": data.hex()}


class RandomUuid(Drawn):
    """A version 4 UUID."""

    token = "random:index/randomUuid:RandomUuid"
    replace_on = frozenset({"keepers"})

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        result = str(uuid.uuid4())
        return result, {"result": result}


class RandomInteger(Drawn):
    """A whole number from `min` to `max`, both included."""

    token = "random:index/randomInteger:RandomInteger"
    replace_on = frozenset({"keepers", "max", "min", "seed"})

    def drawn(self, inputs: Properties) -> tuple[str, Properties]:
        low, high = int(inputs["min"]), int(inputs["max"])
        result = low + secrets.randbelow(high - low + 1)
        return str(result), {"result": result}


TYPES = (RandomBytes, RandomId, RandomInteger, RandomPassword, RandomString, RandomUuid)
