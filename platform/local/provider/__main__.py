"""`python -m local.provider {aws|random}... ENGINE_ADDRESS`: the provider plugin's process.

The emulator is named by `BMX_EMULATOR_ENDPOINT` (and `_REGION`, `_ACCESS_KEY`, `_SECRET_KEY`), the local
data folder by `BMX_HOME`. The package may also be given as `BMX_PROVIDER_PACKAGE`. Prints its port, as
plugins do."""

import gc
import os
import sys

# PostgreSQL's programs are forked from here, and gRPC's fork handlers abort the child now and then.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# Importing the SDK makes a million objects that stay; looking for garbage among them costs a fifth of it.
gc.disable()

# The SDK is large: compiled once, not at each start, even where the environment asks for no byte code.
sys.dont_write_bytecode = False

from local.provider.server import main  # noqa: E402 - what it imports is to be kept

if __name__ == "__main__":
    main(sys.argv[1:])
