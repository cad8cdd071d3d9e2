"""What CloudWatch reads out of the log: one line of embedded metrics for each answered job.

Durations in milliseconds by step, sizes of what was written, and counts whose mean is a rate: `Succeeded`,
`LowQuality`, `SecondLook`. A try that is left to another one writes `LeftForRetry`. A job id is a field of
the line, never a dimension: each would be a metric of its own.
"""

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from workers.contracts import ImageResult, ResultStatus

NAMESPACE = "BlueMoxon"
SERVICE = "image-processor"


def record(result: ImageResult) -> None:
    """Write the line to standard output, where Lambda's log driver takes it."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_metadata("job_id", result.job_id)
    metrics.add_metadata("status", result.status.value)
    if result.error is not None:
        metrics.add_metadata("error", result.error.code.value)
    _count(metrics, "Succeeded", result.status is ResultStatus.SUCCEEDED)
    if result.quality is not None:
        _count(metrics, "LowQuality", result.quality.level == "low")
        _count(metrics, "SecondLook", "second_look" in result.timings_ms)
    for step, spent in result.timings_ms.items():
        name = "".join(part.capitalize() for part in step.split("_"))
        metrics.add_metric(f"{name}Time", MetricUnit.Milliseconds, spent)
    if result.timings_ms:
        metrics.add_metric("TotalTime", MetricUnit.Milliseconds, sum(result.timings_ms.values()))
    if result.outputs is not None:
        cutout = result.outputs.cutout
        metrics.add_metric("CutoutBytes", MetricUnit.Bytes, cutout.bytes)
        metrics.add_metric("CutoutMegapixels", MetricUnit.Count, cutout.width * cutout.height / 1e6)
    if result.subject is not None:
        metrics.add_metric("Coverage", MetricUnit.Percent, result.subject.coverage * 100)
    metrics.flush_metrics()


def record_left(job_id: str, fault: str) -> None:
    """Write the line of a try that ended without an answer: the message is delivered again."""
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_metadata("job_id", job_id)
    metrics.add_metadata("fault", fault)
    _count(metrics, "LeftForRetry", True)
    metrics.flush_metrics()


def _count(metrics: EphemeralMetrics, name: str, is_so: bool) -> None:
    metrics.add_metric(name, MetricUnit.Count, int(is_so))
