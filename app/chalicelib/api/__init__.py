"""HTTP: parse, call a service, reply. `routing` is the one decorator that every route goes through."""
