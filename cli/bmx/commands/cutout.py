"""`bmx cutout`: the worker's code on files, no stack needed."""
