"""A release of a stack, step by step: platform, schema, application, mappings, and a try of the whole."""
