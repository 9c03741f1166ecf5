"""Makes everything that users install, and tries each: ``./run dist``. See ../README.md."""
