"""Tags in the two spellings that AWS services use."""

from collections.abc import Iterable, Mapping

from local.provider.values import Properties


def pairs(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """`[{"Key": …, "Value": …}]`, sorted by key."""
    return [{key: name, value: str(tags[name])} for name in sorted(tags)]


def mapping(tags: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """The reverse of `pairs`."""
    return {tag[key]: tag[value] for tag in tags}


def removed(old: Properties | None, tags: Mapping[str, str]) -> list[str]:
    """The names that the old state had and `tags` lacks."""
    return sorted(set((old or {}).get("tagsAll") or {}) - set(tags))


def own(ctx_defaults: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """A resource's own tags among all that were found on it."""
    return {
        name: value
        for name, value in found.items()
        if ctx_defaults.get(name) != value and not name.startswith("aws:")
    }
