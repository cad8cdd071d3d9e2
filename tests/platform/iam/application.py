"""The application at work: `python -m tests.platform.iam.application`, in the environment of its functions.

A run of everything that it does with AWS, through its own routes and handlers. Anything refused ends it.
"""

import importlib
import json
import sys
from typing import Any

from chalice.test import Client

ITEM, JPEG = "iam-1", b"\xff\xd8\xff\xe0" + b"\0" * 60


def main(api_key: str) -> None:
    """Work; the bucket has photos of the listing `ITEM`."""
    from chalicelib import resources

    app = importlib.import_module("app").app
    client = Client(app)

    def call(method: str, path: str, body: Any = None, *, status: int, kind: str = "application/json") -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-API-Key": api_key, "content-type": kind}
        reply = client.http.request(method, path, headers=headers, body=data)
        if reply.status_code != status:
            raise SystemExit(f"{method} {path}: {reply.status_code} {reply.body!r}")
        return reply.json_body

    client.lambda_.invoke("migrate")
    health = call("GET", "/admin/system-info", status=200)["health"]
    if health["status"] != "healthy":
        raise SystemExit(f"unhealthy: {json.dumps(health)}")
    call("GET", "/listings", status=200)
    call("GET", f"/listings/{ITEM}", status=200)
    book = call("POST", "/books", {"listing_item_id": ITEM}, status=201)["id"]
    call("POST", f"/books/{book}/images", JPEG, status=201, kind="image/jpeg")
    for content in (None, b"this is no image"):
        upload = call("POST", f"/books/{book}/images/presign", {"content_type": "image/png"}, status=201)
        if content is not None:
            # As the form would; the emulator takes a form for the usual account only.
            bucket, key = resources.current().settings.images_bucket, upload["fields"]["key"]
            resources.current().clients.s3.put_object(Bucket=bucket, Key=key, Body=content)
        complete = {"image_id": upload["image_id"]}
        wanted = 409 if content is None else 415
        call("POST", f"/books/{book}/images/complete", complete, status=wanted)
    call("GET", "/dlq/image_processing", status=200)
    call("POST", "/dlq/image_processing/redrive", {}, status=200)
    call("DELETE", f"/books/{book}", status=200)
    call("POST", "/admin/keys/rotate", {}, status=201)
    client.lambda_.invoke(
        "sweep", client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [], "")
    )
    resources.current().database.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
