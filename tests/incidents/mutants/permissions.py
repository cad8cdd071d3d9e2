"""Edits of who may do what."""

from tests.incidents.mutants.mutant import Mutant
from tests.incidents.sources import infra

PERMISSIONS = (
    Mutant(
        "the API may send and not ask for the depth",
        infra(
            "grants.py",
            'SEND_AND_INSPECT = ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes")',
            'SEND_AND_INSPECT = ("sqs:SendMessage", "sqs:GetQueueUrl")',
        ),
        policies="sender-may-inspect",
    ),
    Mutant(
        "workers that cannot delete what they did",
        infra(
            "grants.py",
            'CONSUME = (*TAKE, "sqs:GetQueueAttributes")',
            'CONSUME = ("sqs:ReceiveMessage", "sqs:GetQueueAttributes")',
        ),
        policies="consumer-complete",
    ),
    Mutant(
        "every action on secrets",
        infra(
            "grants.py",
            'READ_SECRET = ("secretsmanager:GetSecretValue",)',
            'READ_SECRET = ("secretsmanager:*",)',
        ),
        policies="no-star-action",
    ),
    Mutant(
        "every queue for a worker",
        infra(
            "grants.py",
            '"ConsumeOwnQueue", CONSUME, [config.arn]',
            '"ConsumeOwnQueue", CONSUME, ["*"]',
        ),
        policies="no-star-resource",
    ),
    Mutant(
        "an administrator's policy",
        infra(
            "api.py",
            "                permissions_boundary=args.boundary_arn,\n",
            "                permissions_boundary=args.boundary_arn,\n"
            '                managed_policy_arns=["arn:aws:iam::aws:policy/AdministratorAccess"],\n',
        ),
        policies="no-admin-policy",
    ),
    Mutant(
        "roles for everybody",
        infra("policies.py", 'principals={"Service": [service]}', 'principals="*"'),
        policies="trust-nobody-unknown",
    ),
    Mutant(
        "deployments from every repository of GitHub",
        infra(
            "deploy_grants.py",
            'f"{GITHUB}:aud": AUDIENCE, f"{GITHUB}:sub": subject(settings)',
            'f"{GITHUB}:aud": AUDIENCE',
        ),
        policies="trust-nobody-unknown",
    ),
    Mutant(
        "images for everybody",
        infra(
            "grants.py",
            """            principals={"Service": ["lambda.amazonaws.com"]},
            conditions={"StringEquals": {"aws:SourceArn": function_arn}},
""",
            '            principals="*",\n',
        ),
        policies="resource-policy-principal",
    ),
    Mutant(
        "a boundary around everything",
        infra("boundary.py", '"sqs": [stack_queues(deployment)],', '"sqs": ["*"],'),
        policies="no-star-resource",
    ),
)
