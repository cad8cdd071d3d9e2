"""New parts of the project: a worker, a stack. Plain functions on a project folder; commands only speak."""
