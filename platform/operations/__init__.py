"""What a person or CI does with a stack: look at a plan, deploy, care for its credentials.

Works on the local stack, on any stack on an emulator of its own, and on AWS. The command line is a thin
layer over it.
"""
