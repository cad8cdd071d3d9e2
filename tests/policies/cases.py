"""For every rule: resources that break it and resources that keep it."""

from tests.policies.case_parts import Case
from tests.policies.cases_credentials import CREDENTIALS
from tests.policies.cases_data import DATA
from tests.policies.cases_functions import FUNCTIONS, PERMISSIONS
from tests.policies.cases_queues import QUEUES

CASES: dict[str, Case] = {**CREDENTIALS, **QUEUES, **FUNCTIONS, **PERMISSIONS, **DATA}
