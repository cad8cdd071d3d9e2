"""What a program may not ask for: every rule, a module an area.

A rule is a value (`ResourceRule`, `StackRule`) with reason and remedy beside its check. Checks see a plain
typed view (`rules.model`), never Pulumi's objects, so they run anywhere; `rules.adapter` knows the SDK.

- credentials, secret_values, queues, functions, permissions, databases, data: the rules. `catalogue`: all of
  them, in order.
- `unknowns`: what becomes of a rule that meets a value that is not known yet.
- `settings`: parameters and exceptions of each stack, from policies/settings.yaml.
"""
