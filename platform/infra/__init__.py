"""What BlueMoxon runs on, as a Pulumi program.

Pure modules decide: `settings` (a stack's configuration), `workers` (the declaration of every worker),
`naming`, `tags`, `timeouts`, `policies` (policy documents) and `grants` (who may do what). Components build:
each module holds one `ComponentResource` of type `bluemoxon:<area>:<Thing>` with typed arguments.
`platform/__main__.py` composes them.
"""
