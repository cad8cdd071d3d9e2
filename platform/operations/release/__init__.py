"""A release of a stack, step by step: platform, application, mappings, schema, and a try of the whole."""
