"""The Pulumi provider for packages `aws` and `random` against the local emulator.

The Pulumi engine starts it like any provider plugin (`pulumi-resource-aws`, `pulumi-resource-random`: small
launchers around `python -m local.provider {aws|random} ENGINE_ADDRESS`); `local.provider.inprocess` uses
the same resource types without an engine.

- `connection`: where the emulator is and with which credential.
- `values`: between Pulumi's wire values and plain Python.
- `schema`: what the `pulumi_aws` and `pulumi_random` SDKs say about a type's properties.
- `core`: what every resource type does; `registry`: which there are.
- one module a service (`sqs`, `iam`, `s3`, …), `random_`, and `invokes` for the data sources.
- `server`: the gRPC side; `inprocess`: the fallback engine.
"""
