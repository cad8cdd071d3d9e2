"""SNS: topics, their policies and subscriptions."""
# ruff: noqa: ARG002, S105

from local.provider import tags
from local.provider.context import Context
from local.provider.core import ResourceType
from local.provider.values import Properties, Value

_TOPIC = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "fifoTopic": "FifoTopic",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
}
_SUBSCRIPTION = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
}


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(text: str) -> Value:
    return text == "true" if text in ("true", "false") else text


class Topic(ResourceType):
    """A topic; its id is its ARN."""

    token = "aws:sns/topic:Topic"
    replace_on = frozenset({"name", "namePrefix", "fifoTopic", "region"})
    name_property = "name"
    json_properties = frozenset({"policy", "deliveryPolicy", "archivePolicy"})
    computed_inputs = frozenset({"policy", "signatureVersion", "tracingConfig"})

    def automatic_name(self, prefix: str, values: Properties, seed: bytes) -> str:
        """A FIFO topic's name ends in `.fifo`."""
        return super().automatic_name(prefix, values, seed) + (".fifo" if values.get("fifoTopic") else "")

    def make(self, ctx: Context, inputs: Properties) -> str:
        wanted = {name: _text(inputs[key]) for key, name in _TOPIC.items() if inputs.get(key)}
        reply = ctx.aws.call(
            "sns",
            "create_topic",
            Name=inputs["name"],
            Attributes=wanted,
            Tags=tags.pairs(ctx.all_tags(inputs)),
        )
        return str(reply["TopicArn"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        if old is None:
            return None
        for key, name in _TOPIC.items():
            wanted = new.get(key)
            if key == "fifoTopic" or wanted == old.get(key) or (key in self.computed_inputs and not wanted):
                continue
            value = "" if wanted is None else _text(wanted)
            ctx.aws.call(
                "sns",
                "set_topic_attributes",
                TopicArn=identifier,
                AttributeName=name,
                AttributeValue=value,
            )
        wanted_tags = ctx.all_tags(new)
        if gone := tags.removed(old, wanted_tags):
            ctx.aws.call("sns", "untag_resource", ResourceArn=identifier, TagKeys=gone)
        if wanted_tags:
            ctx.aws.call("sns", "tag_resource", ResourceArn=identifier, Tags=tags.pairs(wanted_tags))
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("sns", "get_topic_attributes", TopicArn=identifier)
        if reply is None:
            return None
        found = reply["Attributes"]
        tagging = ctx.aws.call("sns", "list_tags_for_resource", ResourceArn=identifier)
        name = identifier.rsplit(":", 1)[1]
        return {
            **{key: _value(found[aws]) for key, aws in _TOPIC.items() if found.get(aws)},
            "name": name,
            "arn": identifier,
            "owner": found.get("Owner", ctx.account),
            "displayName": found.get("DisplayName", ""),
            "fifoTopic": name.endswith(".fifo"),
            "tags": tags.own(ctx.default_tags, tags.mapping(tagging.get("Tags") or [])),
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("sns", "delete_topic", TopicArn=identifier)


class TopicPolicy(ResourceType):
    """Who may publish to a topic; its id is the topic's ARN."""

    token = "aws:sns/topicPolicy:TopicPolicy"
    replace_on = frozenset({"arn", "region"})
    json_properties = frozenset({"policy"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        return str(inputs["arn"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        ctx.aws.call(
            "sns",
            "set_topic_attributes",
            TopicArn=identifier,
            AttributeName="Policy",
            AttributeValue=new["policy"],
        )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("sns", "get_topic_attributes", TopicArn=identifier)
        policy = (reply or {}).get("Attributes", {}).get("Policy")
        return {"arn": identifier, "policy": policy, "owner": ctx.account} if policy else None

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        """Back to a topic's own policy: the account may use it."""
        if ctx.aws.find("sns", "get_topic_attributes", TopicArn=identifier) is None:
            return
        policy = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sns:Publish",'
            f'"sns:Subscribe"],"Resource":"{identifier}",'
            f'"Condition":{{"StringEquals":{{"AWS:SourceOwner":"{ctx.account}"}}}}}}]}}'
        )
        self.configure(ctx, identifier, None, {"policy": policy})


class TopicSubscription(ResourceType):
    """Where a topic's messages go; its id is its ARN."""

    token = "aws:sns/topicSubscription:TopicSubscription"
    replace_on = frozenset({"topic", "protocol", "endpoint", "region"})
    json_properties = frozenset({"deliveryPolicy", "filterPolicy", "redrivePolicy", "replayPolicy"})

    def make(self, ctx: Context, inputs: Properties) -> str:
        reply = ctx.aws.call(
            "sns",
            "subscribe",
            TopicArn=inputs["topic"],
            Protocol=inputs["protocol"],
            Endpoint=inputs["endpoint"],
            Attributes={aws: _text(inputs[key]) for key, aws in _SUBSCRIPTION.items() if inputs.get(key)},
            ReturnSubscriptionArn=True,
        )
        return str(reply["SubscriptionArn"])

    def configure(self, ctx: Context, identifier: str, old: Properties | None, new: Properties) -> str | None:
        for key, name in _SUBSCRIPTION.items() if old is not None else ():
            if new.get(key) != (old or {}).get(key):
                ctx.aws.call(
                    "sns",
                    "set_subscription_attributes",
                    SubscriptionArn=identifier,
                    AttributeName=name,
                    AttributeValue="" if new.get(key) is None else _text(new[key]),
                )
        return None

    def read(self, ctx: Context, identifier: str, state: Properties) -> Properties | None:
        reply = ctx.aws.find("sns", "get_subscription_attributes", SubscriptionArn=identifier)
        if reply is None:
            return None
        found = reply["Attributes"]
        return {
            **{key: _value(found[aws]) for key, aws in _SUBSCRIPTION.items() if found.get(aws)},
            "arn": identifier,
            "topic": found["TopicArn"],
            "protocol": found["Protocol"],
            "endpoint": found["Endpoint"],
            "ownerId": found.get("Owner", ctx.account),
            "pendingConfirmation": found.get("PendingConfirmation") == "true",
            "confirmationWasAuthenticated": found.get("ConfirmationWasAuthenticated") == "true",
        }

    def delete(self, ctx: Context, identifier: str, state: Properties) -> None:
        ctx.aws.find("sns", "unsubscribe", SubscriptionArn=identifier)


TYPES = (Topic, TopicPolicy, TopicSubscription)
