"""The application against a real PostgreSQL and an in-process S3, SQS and Secrets Manager."""
