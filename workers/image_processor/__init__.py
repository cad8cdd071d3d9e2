"""The image worker: a function from S3 to S3 that cuts books out of their photos.

`handler` is the Lambda function, `storage` and `settings` its surroundings, `cutout` the image work, `models`
the networks. It never sees the database.
"""
