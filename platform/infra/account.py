"""The AWS account that a stack is applied to."""

from pulumi_aws.get_caller_identity import get_caller_identity

from infra.naming import Deployment
from workers.contracts import Problem


def locate(stack: str, region: str) -> Deployment:
    """The account of the provider's credentials; raises `Problem` when AWS does not accept them."""
    try:
        caller = get_caller_identity()
    except Exception as error:  # noqa: BLE001 - the SDK raises no narrower one
        raise Problem(
            "AWS does not say which account this is.",
            why=f"{str(error).rstrip('.')}.",
            fix="Log in (`aws sso login`), or set AWS_PROFILE to a profile that may deploy.",
        ) from None
    return Deployment(stack, caller.account_id, region, partition=caller.arn.split(":")[1])
