"""The policy pack. `pulumi preview --policy-pack policies`"""

from pulumi_policy import EnforcementLevel, PolicyPack

from rules import adapter, catalogue, settings, unpacking

unpacking.once()
PolicyPack(
    "bluemoxon",
    adapter.policies(catalogue.RULES, settings.load(known=catalogue.BY_ID)),
    enforcement_level=EnforcementLevel.MANDATORY,
)
