"""A container worker's image: built, tried, pushed, and its digest written into a stack's settings.

`tools` speaks to docker, podman or buildah; `base` makes a base image where none is named; `build` adds the
machine's own settings for pip; `sandbox` runs an image as Lambda would, and `trial` gives it a real message;
`release` pushes it and writes into a stack's settings which image the stack runs.
"""
