"""A database's login on one stack: check it, rotate it, bring the engine's state in line with it, change who
owns it. No function here returns, prints or logs a password.
"""
