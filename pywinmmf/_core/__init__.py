"""The private parts of the package: build, binding, handle, hold, timeouts, validation, async waits."""
