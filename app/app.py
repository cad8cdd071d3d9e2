"""The Chalice application: registers blueprints and handlers, and does nothing else.

Chalice imports this file to package it and to run it. The results queue's ARN is part of the package, so
`BMX_QUEUES` has to be set in both cases; `.chalice/config.json` gives it.
"""

import logging
import os
from typing import Any

from chalice.app import Chalice, CloudWatchEvent, Rate, SQSEvent

from chalicelib import events, resources, settings
from chalicelib.api import (
    administration,
    audit,
    books,
    errors,
    health,
    images,
    jobs,
    listings,
    me,
    openapi,
    pages,
)

logging.getLogger("chalicelib").setLevel(logging.INFO)

app = Chalice(app_name="bluemoxon")
app.api.binary_types = ["image/jpeg", "image/png", "image/webp", "application/octet-stream"]
app.register_middleware(errors.shape_errors, "http")

for blueprint in (
    health.blueprint,
    books.blueprint,
    images.blueprint,
    jobs.blueprint,
    listings.blueprint,
    audit.blueprint,
    administration.blueprint,
    me.blueprint,
    openapi.blueprint,
    pages.blueprint,
):
    app.register_blueprint(blueprint)

_QUEUES = settings.load_queues(os.environ).root


@app.on_sqs_message(queue_arn=_QUEUES[settings.RESULTS_WORKER].arn, batch_size=1, name="image_results")
def image_results(event: SQSEvent) -> events.BatchReply:
    """Results of the image worker, one at a time: Chalice sets no ReportBatchItemFailures, without which a
    larger batch's failures would be deleted with the rest.
    """
    return events.apply_results(
        resources.current(), [(record.to_dict()["messageId"], record.body) for record in event]
    )


@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event: CloudWatchEvent) -> dict[str, Any]:  # noqa: ARG001 - Chalice calls it with the event
    """Send what was not sent, send again what got no result."""
    from chalicelib.services import sweep as sweeping

    return sweeping.run(resources.current()).model_dump()


@app.lambda_function(name="migrate")
def migrate(event: Any, context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda calls it with both
    """Bring the database's schema to this release; run at every deployment.

    An app and a schema that are one release apart work together.
    """
    from chalicelib.db import migrate as migrations

    return migrations.migrate(resources.current().database).model_dump()
