"""A subject's addresses a file: `router(site)` gives them; `web/app.py` lists the files."""
