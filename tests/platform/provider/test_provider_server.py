"""The provider as a plugin: its process, its protocol, its end."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import psutil
import pulumi
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto import provider_pb2_grpc as services

from local.paths import REPO
from local.provider.connection import Connection
from local.provider.context import Context
from local.provider.invokes import INVOKES, invoke
from local.provider.values import UNKNOWN, Bag, Properties, from_wire, to_wire

pytestmark = pytest.mark.local

URN = "urn:pulumi:local::bluemoxon::bluemoxon:queue:Worker$aws:sqs/queue:Queue::images"


def start(package: str, connection: Connection, home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "local.provider", package, "127.0.0.1:1", "--logtostderr"],
        env={
            **os.environ,
            **connection.to_environment(),
            "BMX_HOME": str(home),
            "PYTHONPATH": os.pathsep.join([str(REPO / "platform"), str(REPO)]),
        },
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def plugin(connection: Connection, tmp_path: Path) -> Iterator[Any]:
    process = start("aws", connection, tmp_path)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = services.ResourceProviderStub(channel)
        stub.Handshake(messages.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
        stub.Configure(messages.ConfigureRequest(args=wire({"region": "us-west-2"}), acceptSecrets=True))
        yield stub
    process.kill()
    process.wait()


def wire(values: Properties, *secrets: str) -> Any:
    return PropertyValue.marshal_map(to_wire(Bag(values, frozenset(secrets))))


def plain(struct: Any) -> Bag:
    return from_wire(PropertyValue.unmarshal_map(struct))


def test_a_resource_goes_through_the_protocol(plugin: Any) -> None:
    wanted = {"name": "over-the-wire", "visibilityTimeoutSeconds": 60}
    checked = plugin.Check(messages.CheckRequest(urn=URN, news=wire(wanted), randomSeed=b"s"))
    assert not checked.failures

    preview = plugin.Create(messages.CreateRequest(urn=URN, properties=checked.inputs, preview=True))
    assert plain(preview.properties).values["arn"] is UNKNOWN

    created = plugin.Create(messages.CreateRequest(urn=URN, properties=checked.inputs))
    assert created.id.endswith("/over-the-wire")
    outputs = plain(created.properties).values
    assert outputs["arn"].endswith(":over-the-wire")

    def diff(new: Properties, *ignore: str) -> Any:
        return plugin.Diff(
            messages.DiffRequest(
                urn=URN,
                id=created.id,
                olds=created.properties,
                old_inputs=checked.inputs,
                news=wire(new),
                ignoreChanges=ignore,
            )
        )

    assert diff(wanted).changes == messages.DiffResponse.DIFF_NONE
    change = diff({**wanted, "visibilityTimeoutSeconds": 90})
    assert change.changes == messages.DiffResponse.DIFF_SOME
    assert change.detailedDiff["visibilityTimeoutSeconds"].kind == messages.PropertyDiff.UPDATE
    assert list(change.replaces) == []
    replacement = diff({**wanted, "name": "other"})
    assert list(replacement.replaces) == ["name"]
    assert replacement.detailedDiff["name"].kind == messages.PropertyDiff.UPDATE_REPLACE
    unknown = diff({**wanted, "name": rpc.UNKNOWN})
    assert list(unknown.replaces) == ["name"]
    ignored = diff({**wanted, "visibilityTimeoutSeconds": 90}, "visibilityTimeoutSeconds")
    assert ignored.changes == messages.DiffResponse.DIFF_NONE

    updated = plugin.Update(
        messages.UpdateRequest(
            urn=URN,
            id=created.id,
            olds=created.properties,
            news=wire({**wanted, "visibilityTimeoutSeconds": 90}),
        )
    )
    assert plain(updated.properties).values["visibilityTimeoutSeconds"] == 90

    def read() -> Any:
        return plugin.Read(
            messages.ReadRequest(urn=URN, id=created.id, properties=updated.properties, inputs=checked.inputs)
        )

    drifted = read()
    assert plain(drifted.inputs).values == {"name": "over-the-wire", "visibilityTimeoutSeconds": 90}
    plugin.Delete(messages.DeleteRequest(urn=URN, id=created.id, properties=updated.properties))
    assert read().id == ""


def elided(struct: Any, digest: str) -> Any:
    """The properties as the engine sends them to be compared, or of an old state: no archive's content."""
    sent = type(struct)()
    sent.CopyFrom(struct)
    sent.fields["code"].struct_value.Clear()
    sent.fields["code"].struct_value.update({rpc._special_sig_key: rpc._special_archive_sig, "hash": digest})
    return sent


def test_an_archive_of_which_only_the_hash_is_sent(plugin: Any, ctx: Context) -> None:
    """As the engine does it in each Diff, Read and Delete, and of the old state in an Update."""
    urn = "urn:pulumi:s::p::aws:lambda/function:Function::f"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = ctx.aws.call("iam", "create_role", RoleName="archived", AssumeRolePolicyDocument=trust)["Role"]
    common: Properties = {"name": "archived", "role": role["Arn"]}
    image = wire(
        {**common, "packageType": "Image", "imageUri": "000000000000.dkr.ecr.x/y@sha256:" + "0" * 64}
    )

    def archived(result: int) -> Any:
        text = pulumi.StringAsset(f"def handler(event, context):\n    return {result}")
        code = pulumi.AssetArchive({"index.py": text})
        return wire({**common, "runtime": "python3.11", "handler": "index.handler", "code": code})

    def diff(olds: Any, old_inputs: Any, news: Any) -> Any:
        return plugin.Diff(
            messages.DiffRequest(urn=urn, id="archived", olds=olds, old_inputs=old_inputs, news=news)
        )

    to_archive = diff(image, image, elided(archived(1), "a"))
    assert to_archive.detailedDiff["code"].kind == messages.PropertyDiff.ADD
    assert list(to_archive.replaces) == ["packageType"]

    created = plugin.Create(messages.CreateRequest(urn=urn, properties=archived(1)))
    state, inputs = elided(created.properties, "a"), elided(archived(1), "a")
    assert diff(state, inputs, inputs).changes == messages.DiffResponse.DIFF_NONE
    assert list(diff(state, inputs, elided(archived(2), "b")).detailedDiff) == ["code"]
    unhashed = elided(archived(1), "")
    assert list(diff(state, unhashed, unhashed).detailedDiff) == ["code"], "nobody knows that it is the same"
    assert "packageType" in diff(state, inputs, image).replaces

    updated = plugin.Update(messages.UpdateRequest(urn=urn, id="archived", olds=state, news=archived(2)))
    invoked = ctx.aws.call("lambda", "invoke", FunctionName="archived")
    assert json.loads(invoked["Payload"].read()) == 2
    state, inputs = elided(updated.properties, "b"), elided(archived(2), "b")
    read = plugin.Read(messages.ReadRequest(urn=urn, id="archived", properties=state, inputs=inputs))
    assert read.inputs == inputs
    assert read.properties["codeSha256"] == updated.properties["codeSha256"]
    plugin.Delete(messages.DeleteRequest(urn=urn, id="archived", properties=state))
    assert ctx.aws.find("lambda", "get_function", FunctionName="archived") is None


def test_a_wrong_property_is_a_check_failure(plugin: Any) -> None:
    answer = plugin.Check(messages.CheckRequest(urn=URN, news=wire({"visibilitySeconds": 1})))
    assert [failure.property for failure in answer.failures] == ["visibilitySeconds"]


def test_a_wrong_value_is_a_check_failure_with_reason_and_remedy(plugin: Any) -> None:
    answer = plugin.Check(messages.CheckRequest(urn=URN, news=wire({"visibilityTimeoutSeconds": 43_201})))
    (failure,) = answer.failures
    assert failure.property == "visibilityTimeoutSeconds"
    assert failure.reason == "43201 is out of range: use 0 to 43,200 seconds"


def test_an_unknown_type_is_told_in_one_sentence(plugin: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        plugin.Check(messages.CheckRequest(urn="urn:pulumi:s::p::aws:sqs/nothing:Nothing::n", news=wire({})))
    details = caught.value.details()
    assert "does not know the type aws:sqs/nothing:Nothing" in details
    assert "Traceback" not in details


def test_a_secret_input_is_a_secret_output(plugin: Any) -> None:
    urn = "urn:pulumi:s::p::aws:sqs/queue:Queue::q"
    made = plugin.Create(
        messages.CreateRequest(
            urn=urn, properties=wire({"name": "with-a-secret", "tags": {"a": "b"}}, "tags"), preview=True
        )
    )
    assert plain(made.properties).secrets == {"tags"}


def test_data_sources_answer(plugin: Any) -> None:
    def ask(token: str, **arguments: object) -> Bag:
        answer = plugin.Invoke(messages.InvokeRequest(tok=token, args=wire(arguments)))
        return plain(getattr(answer, "return"))

    identity = ask("aws:index/getCallerIdentity:getCallerIdentity").values
    assert (identity["accountId"], identity["arn"]) == ("000000000000", "arn:aws:iam::000000000000:root")
    assert ask("aws:index/getPartition:getPartition").values["partition"] == "aws"
    assert len(ask("aws:index/getAvailabilityZones:getAvailabilityZones").values["names"]) >= 2
    statement = {"actions": ["s3:GetObject"], "resources": ["*"]}
    document = ask("aws:iam/getPolicyDocument:getPolicyDocument", statements=[statement]).values["json"]
    assert '"Action": "s3:GetObject"' in document
    with pytest.raises(grpc.RpcError, match="does not know the function aws:a/b:c"):
        ask("aws:a/b:c")


OPTIONAL = frozenset(
    # What an answer may leave out: arguments that were not given, and what no local VPC has.
    {
        "allAvailabilityZones",
        "excludeNames",
        "excludeZoneIds",
        "filters",
        "state",
        "overrideJson",
        "sourceJson",
    }
    | {"overridePolicyDocuments", "sourcePolicyDocuments", "policyId", "version", "cidrBlockAssociations"}
    | {"dhcpOptionsId", "enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics"}
    | {"instanceTenancy", "ipv6AssociationId", "ipv6CidrBlock", "ipv6CidrBlockAssociations"}
    | {"mainRouteTableId"}
)


@pytest.mark.parametrize("token", sorted(INVOKES))
def test_an_answer_is_what_the_sdk_expects(ctx: Context, token: str) -> None:
    ctx.aws.find("secretsmanager", "delete_secret", SecretId="asked/for", ForceDeleteWithoutRecovery=True)
    ctx.aws.call("secretsmanager", "create_secret", Name="asked/for", SecretString="{}")
    vpc = ctx.aws.call("ec2", "create_vpc", CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
    arguments: dict[str, Properties] = {
        "getSecret": {"name": "asked/for"},
        "getSecretVersion": {"secretId": "asked/for"},
        "getVpc": {"id": vpc},
        "getPolicyDocument": {"statements": [{"actions": ["s3:*"], "resources": ["*"]}]},
    }
    package, module, name = token.split(":")
    home = importlib.import_module(
        "pulumi_" + package + ("" if module.startswith("index") else "." + module.split("/")[0])
    )
    result = getattr(home, f"Get{name.removeprefix('get')}Result")
    expected = {camel_case(one) for one, value in vars(result).items() if isinstance(value, property)}
    answer = invoke(ctx, token, Bag(arguments.get(name, {})))
    assert expected - answer.values.keys() <= OPTIONAL
    assert ("secretString" in answer.secrets) == (name == "getSecretVersion")
    ctx.aws.call("ec2", "delete_vpc", VpcId=vpc)


def camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_at_once(connection: Connection, tmp_path: Path, number: signal.Signals) -> None:
    process = start("random", connection, tmp_path)
    assert process.stdout is not None
    assert int(process.stdout.readline()) > 0
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(timeout=5) == 0
    assert time.monotonic() - began < 2


def test_a_provider_for_many_operations_ends_after_who_started_it_was_killed() -> None:
    serve = (
        "from local.provider import server; server.PARENT_SECONDS = server.ORPHAN_SECONDS = 0.1; "
        "server.main(['aws', 'random'])"
    )
    starter = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {serve!r}], stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    provider = psutil.Process(int(parent.stdout.readline().split()[0]))
    assert provider.is_running()
    parent.kill()
    parent.communicate()
    provider.wait(120)  # raises where it does not end
