"""The grammars of other documents: redrive policies, ECR's lifecycle policies, CloudWatch's dashboards."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from local.provider.checks.documents import Document, Part

QueueArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[\w.-]+$")]


class _Redrive(Part):
    """SQS's `RedrivePolicy` ("SetQueueAttributes")."""

    deadLetterTargetArn: QueueArn  # noqa: N815 - the document's key
    maxReceiveCount: Annotated[int, Field(ge=1, le=1000)]  # noqa: N815


class _RedriveAllow(Part):
    """SQS's `RedriveAllowPolicy`."""

    redrivePermission: Literal["allowAll", "denyAll", "byQueue"]  # noqa: N815
    sourceQueueArns: Annotated[list[QueueArn], Field(min_length=1, max_length=10)] | None = None  # noqa: N815

    @model_validator(mode="after")
    def _sources(self) -> "_RedriveAllow":
        if (self.redrivePermission == "byQueue") != (self.sourceQueueArns is not None):
            raise ValueError("sourceQueueArns are given with redrivePermission byQueue, and only then")
        return self


class _Selection(Part):
    tagStatus: Literal["tagged", "untagged", "any"]  # noqa: N815
    tagPrefixList: Annotated[list[str], Field(min_length=1)] | None = None  # noqa: N815
    tagPatternList: Annotated[list[str], Field(min_length=1, max_length=4)] | None = None  # noqa: N815
    countType: Literal["imageCountMoreThan", "sinceImagePushed"]  # noqa: N815
    countUnit: Literal["days"] | None = None  # noqa: N815
    countNumber: Annotated[int, Field(ge=1)]  # noqa: N815

    @model_validator(mode="after")
    def _consistent(self) -> "_Selection":
        lists = (self.tagPrefixList is not None) + (self.tagPatternList is not None)
        if lists != (self.tagStatus == "tagged"):
            raise ValueError(
                "one of tagPrefixList and tagPatternList is given with tagStatus tagged, and only then"
            )
        if (self.countUnit is None) != (self.countType == "imageCountMoreThan"):
            raise ValueError("countUnit is given with countType sinceImagePushed, and only then")
        return self


class _Action(Part):
    type: Literal["expire"]


class _LifecycleRule(Part):
    rulePriority: Annotated[int, Field(ge=1)]  # noqa: N815
    description: str | None = None
    selection: _Selection
    action: _Action


class _Lifecycle(Part):
    """ECR's lifecycle policy ("Lifecycle policy properties"), as far as it expires images."""

    rules: Annotated[list[_LifecycleRule], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _order(self) -> "_Lifecycle":
        priorities = [rule.rulePriority for rule in self.rules]
        if len(set(priorities)) != len(priorities):
            raise ValueError("two rules have the same rulePriority")
        for status in ("any", "untagged"):
            those = [rule for rule in self.rules if rule.selection.tagStatus == status]
            if len(those) > 1:
                raise ValueError(f"two rules have tagStatus {status}")
            if status == "any" and those and those[0].rulePriority != max(priorities):
                raise ValueError(
                    "the rule with tagStatus any has the highest rulePriority, so that it comes last"
                )
        return self


class _Open(BaseModel):
    """A part with keys beyond those that are checked."""

    model_config = ConfigDict(extra="allow", frozen=True)


class _Annotation(_Open):
    value: float | int


class _Annotations(_Open):
    horizontal: list[_Annotation | list[_Annotation]] = []


class _MetricProperties(_Open):
    region: Annotated[str, Field(min_length=1)] | None = None
    title: str | None = None
    view: Literal["timeSeries", "singleValue", "gauge", "bar", "pie", "table"] | None = None
    period: Annotated[int, Field(ge=1)] | None = None
    stat: str | None = None
    metrics: list[Annotated[list[Any], Field(min_length=1)]] | None = None
    annotations: _Annotations | None = None

    @model_validator(mode="after")
    def _rows(self) -> "_MetricProperties":
        if self.period is not None and self.period not in (1, 5, 10, 20, 30) and self.period % 60:
            raise ValueError("period is a multiple of 60 seconds")
        for row in self.metrics or ():
            names = row[:-1] if isinstance(row[-1], dict) else row
            if not all(isinstance(name, str) for name in names):
                raise ValueError("a metric is a list of names, with an object of settings at its end")
            if names and (len(names) < 2 or len(names) % 2):
                raise ValueError("a metric names its namespace, itself, and each dimension with its value")
        return self


class _TextProperties(_Open):
    markdown: str


class _Widget(Part):
    type: Literal["metric", "text", "log", "alarm", "explorer", "custom"]
    x: Annotated[int, Field(ge=0, le=23)] | None = None
    y: Annotated[int, Field(ge=0)] | None = None
    width: Annotated[int, Field(ge=1, le=24)] = 6
    height: Annotated[int, Field(ge=1, le=1000)] = 6
    properties: dict[str, Any]

    @model_validator(mode="after")
    def _of_its_kind(self) -> "_Widget":
        if (self.x is None) != (self.y is None):
            raise ValueError("x and y are given together")
        if self.type == "text":
            _TextProperties.model_validate(self.properties)
        elif self.type == "metric":
            given = _MetricProperties.model_validate(self.properties)
            if given.region is None:
                raise ValueError("a metric widget names its region")
            if given.metrics is None and given.annotations is None:
                raise ValueError("a metric widget has metrics, or the annotation of an alarm")
        return self


class _Dashboard(Part):
    """CloudWatch's dashboard ("Dashboard body structure and syntax")."""

    widgets: Annotated[list[_Widget], Field(max_length=500)]
    start: str | None = None
    end: str | None = None
    periodOverride: Literal["auto", "inherit"] | None = None  # noqa: N815
    variables: list[dict[str, Any]] | None = None


REDRIVE_POLICY = Document("a redrive policy", _Redrive)
REDRIVE_ALLOW_POLICY = Document("a redrive-allow policy", _RedriveAllow)
LIFECYCLE_POLICY = Document("a lifecycle policy", _Lifecycle, 30_720)
DASHBOARD = Document("a dashboard", _Dashboard)
