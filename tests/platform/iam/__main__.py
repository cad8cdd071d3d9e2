"""`python -m tests.platform.iam [STACK ...]`: take every right away once and print killed/total.

Ends with 1 where the lack of a right goes unnoticed.
"""

import sys

from tests.platform.iam.proof import refused_with_all_rights, table
from tests.platform.iam.run import worked


def main(stacks: list[str]) -> int:
    """Run on each stack; what survived is named."""
    proofs, faults = [], []
    for stack in stacks or ["staging", "prod"]:
        with worked(stack) as run:
            proofs += run.proofs
            faults += refused_with_all_rights(run.killers(), run.session)
    faults += [f"survived: {proof.policy} {mutant}" for proof in proofs for mutant in proof.survived]
    sys.stdout.write("\n".join([*table(proofs), *faults]) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
