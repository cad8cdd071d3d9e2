"""What an image holds, as a CycloneDX document.

Run by the image's build on the finished file system; nothing of it is in the image.
"""

from workers.inventory.contents import contents
from workers.inventory.document import as_json

__all__ = ["as_json", "contents"]
