"""Judges a plan before anything is touched: `pulumi preview --json --show-sames`, by operation and diff path.

Policies see neither operations nor old states; the gate sees nothing else. It reads no property's value but
those of a few switches (`safeguards`), shows none, and does not let through what it does not understand.

- `model`: the preview as typed data; raises `NotJudgeable` for everything it cannot read for certain.
- `judge`: steps to findings, pure. `resources`: which types hold data or credentials.
- `safeguards`: which way a change turns what AWS itself guards data by.
- `approvals`: findings a person has agreed to, by URN, operation and plan.
- `events`: what the policy pack said in the same run. `report`: for people, pull requests and programs.
- `preview`: makes one, with the policy pack. `check`: all of it together.
"""
