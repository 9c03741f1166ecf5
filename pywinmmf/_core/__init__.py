"""The private rooms of the package: build, binding, handle, timeouts, validation, async waits."""
