"""The application behind `app.py`.

`api/` speaks HTTP, `services/` does the work and knows neither HTTP nor Lambda, `db/` holds the tables,
`security/` decides who may call, `web/` the pages. `settings` and `resources` are what a process has.
"""
