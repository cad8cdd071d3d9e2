"""Code that runs behind the queues, and the contracts it shares with the application."""
