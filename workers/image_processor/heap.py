"""How this process gets its memory: kept from photo to photo, instead of asked for and given back each time.

A photo's steps allocate and free planes of many megabytes. By default glibc gives such blocks back to the
system at once, and takes them again a moment later: each page is then cleared and mapped anew, which in a
virtual machine (Lambda's are) takes up to a fifth of a photo's time.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Of `malloc.h`."""
_KEPT = 256 << 20
"""Free bytes at the heap's end above which they go back."""
_MAPPED = 32 << 20
"""Blocks of this size are mapped by themselves and go back when freed: those of large photos, which are few.
A larger limit gained nothing at 12 MP, and took up to 130 MB more at 100 MP.
"""


def keep_freed_memory() -> bool:
    """Have freed memory kept for the next allocation, in one heap for all threads; False where the C library
    is another than glibc, and nothing changes.

    Call it before threads start. The peak is not higher than before: memory is used again by any thread.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    options = ((_M_ARENA_MAX, 1), (_M_MMAP_THRESHOLD, _MAPPED), (_M_TRIM_THRESHOLD, _KEPT))
    return all(mallopt(option, value) == 1 for option, value in options)
