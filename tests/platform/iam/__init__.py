"""Every right of every role: used, needed, and no wider than it has to be.

Stacks are deployed by the real program and engine to an emulator that enforces IAM and writes down what it
is asked. Then the system works under its roles' own sessions (`application`, `working`, `delivering`), and
each request is sent again while one right is missing (`proof`): it has to be refused for exactly that right.
"""
