"""The pages: templates and static files without a build step and without secrets."""
