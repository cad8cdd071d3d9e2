"""What AWS and its real provider refuse, so that a wrong value fails here as it would there, at preview.

Three sources, a module each: `model` reads the ranges, patterns and enums of botocore's service models,
`documents` holds the grammars of JSON documents, and `rules` the words for what neither of them nor the SDK
knows (arguments that exclude one another, SQS's attributes, RDS). Each resource type says which of them it
has: `api`, `documents`, `rules`. Unknown values pass, as in every preview.
"""
