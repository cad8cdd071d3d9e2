"""Whether a text looks like a password somebody made up, or like a credential that lies in the open."""

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

_IN_THE_OPEN = (
    ("an AWS access key", re.compile(r"\b(AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a URL with a password", re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@{}]+:[^\s/@{}]+@", re.IGNORECASE)),
    (
        "a written-out password",
        re.compile(
            r"""(?i)["']?\b(password|passwd|pwd|secret_?key|api_?key|auth_?token)["']?\s*[:=]\s*["']?[^\s"',;{}$]{4,}"""
        ),
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
    if _PLACEHOLDER.search(text) and entropy_bits(_PLACEHOLDER.sub("", text)) < _MIN_ENTROPY_BITS:
        return True
    return entropy_bits(text) < _MIN_ENTROPY_BITS


def entropy_bits(text: str) -> float:
    """Shannon entropy of the text's own characters, times its length."""
    if not text:
        return 0.0
    total = len(text)
    return -sum(count * math.log2(count / total) for count in Counter(text).values())


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
