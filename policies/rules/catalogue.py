"""All rules, in the order in which they are documented."""

from rules import credentials, data, databases, functions, permissions, queues, secret_values
from rules.model import Area, ResourceRule, Rule, StackRule

AREAS: tuple[Area, ...] = (
    credentials.area,
    secret_values.area,
    queues.area,
    functions.area,
    permissions.area,
    databases.area,
    data.area,
)

RULES: tuple[Rule, ...] = tuple(rule for area in AREAS for rule in area.rules)
RESOURCE_RULES: tuple[ResourceRule, ...] = tuple(rule for rule in RULES if isinstance(rule, ResourceRule))
STACK_RULES: tuple[StackRule, ...] = tuple(rule for rule in RULES if isinstance(rule, StackRule))
BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
