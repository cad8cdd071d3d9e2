"""Whether a text looks like a password somebody made up, or like a credential that lies in the open."""

import base64
import binascii
import math
import re
from collections import Counter

_PLACEHOLDER = re.compile(
    r"pass(word|w0rd|wd)?|p[a4@][s5$]{2}w[o0]rd|secret|change[-_"
    r" ]?(me|it)|changeme|placeholder|dummy|example|sample|todo|"
    r"fixme|replace[-_ ]?me|your[-_"
    r" ]|letmein|welcome|qwert|asdf|admin|default|test(ing)?|temp|foobar|postgres|root|"
    r"bluemoxon|staging|production|abc123|12345|xxxx",
    re.IGNORECASE,
)
_MIN_ENTROPY_BITS = 48.0
"""Below this (characters used × their spread) a text was typed rather than drawn."""

_LONGEST = 4_096
"""Characters of a password that are looked at; nothing takes a longer one."""

_IN_THE_OPEN = (
    ("an AWS access key", re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")),
    (
        "a URL with a password",
        re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s/:@{}]{1,128}:[^\s/@{}]{1,256}@", re.IGNORECASE),
    ),
    (
        "a written-out password",
        re.compile(
            r"""(?i)["']?\b(password|passwd|pwd|secret_?key|api_?key|auth_?token)["']?\s{0,4}[:=]\s{0,4}["']?[^\s"',;{}$]{4}"""
        ),
    ),
    (
        "a variable's written-out password",
        re.compile(
            r"""(?i)"name"\s{0,4}:\s{0,4}"\w{0,64}(password|passwd|secret|token|api_?key)"\s{0,4},"""
            r"""\s{0,4}"value"\s{0,4}:\s{0,4}"[^"]"""
        ),
    ),
    (
        "a command's written-out password",
        re.compile(r"""(?i)(?<![\w-])--[a-z-]{0,40}password[ =]\s{0,4}["']?[^\s"'$<{-][^\s"'$]{5}"""),
    ),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{30,}")),
)

_SECRET_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS?|DSN|DATABASE_URL)(_|$)",
    re.IGNORECASE,
)
_NAMES_A_PLACE = re.compile(
    r"_(ARN|NAME|ID|URL|URI|PATH|PREFIX|REGION|VERSION|TTL|SECONDS|HEADER)$", re.IGNORECASE
)


def is_guessable(text: str) -> bool:
    """Whether a password is a known word, a pattern, or too uniform to have been drawn at random."""
    text = text[:_LONGEST]
    if _PLACEHOLDER.search(text) and entropy_bits(_PLACEHOLDER.sub("", text)) < _MIN_ENTROPY_BITS:
        return True
    return entropy_bits(text) < _MIN_ENTROPY_BITS


def entropy_bits(text: str) -> float:
    """Shannon entropy of the text's own characters, times its length."""
    if not text:
        return 0.0
    total = len(text)
    return -sum(count * math.log2(count / total) for count in Counter(text).values())


def decoded(text: str) -> str:
    """The text, or what it says where it is base64, as user data may be."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return text


def credential_in(text: str) -> str | None:
    """What kind of credential the text shows, or None."""
    if len(text) < 8:
        return None
    return next((kind for kind, pattern in _IN_THE_OPEN if pattern.search(text)), None)


def names_a_secret(variable: str) -> bool:
    """Whether an environment variable of this name would hold a secret, not the place of one."""
    if variable.upper() == "DATABASE_URL":
        return True
    return bool(_SECRET_NAME.search(variable)) and not _NAMES_A_PLACE.search(variable)
