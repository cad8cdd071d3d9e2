"""What API Gateway answers itself, without asking the application, in the application's shape of errors."""

from typing import Any, Final


def _answer(code: str, message: str) -> dict[str, Any]:
    """A response template; `message` is JSON, or a variable of the gateway that becomes JSON."""
    shape = f'{{"code":"{code}","message":{message},"details":{{}},"request_id":"$context.requestId"}}'
    return {"responseTemplates": {"application/json": shape}}


GATEWAY_RESPONSES: Final[dict[str, dict[str, Any]]] = {
    # The gateway calls every unknown path or method an authentication failure.
    "MISSING_AUTHENTICATION_TOKEN": {
        "statusCode": "404",
        **_answer("not_found", '"There is no such path, or it does not take this method."'),
    },
    "REQUEST_TOO_LARGE": {"statusCode": "413", **_answer("payload_too_large", '"The request is too large."')},
    "THROTTLED": {"statusCode": "429", **_answer("unavailable", '"Too many requests; try again shortly."')},
    "DEFAULT_4XX": _answer("invalid_request", "$context.error.messageString"),
    "DEFAULT_5XX": _answer("unavailable", "$context.error.messageString"),
}


def add_gateway_responses(template: dict[str, Any]) -> None:
    """Write them into the APIs of a SAM template: in the body, so that each deployment has them."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Api":
            body = resource["Properties"]["DefinitionBody"]
            body["x-amazon-apigateway-gateway-responses"] = GATEWAY_RESPONSES
