"""The image worker: a function from S3 to S3 that cuts books out of their photos.

`handler` is the Lambda function, `storage` and `settings` its surroundings, `cutout` the image work, `models`
the networks. It never sees the database.
"""

import os

# onnxruntime's wheels report use to their maker and keep an id in the user's cache folder, unless this is set
# before they are imported. Nothing here calls home.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
