"""What this machine lets the library do: ``pywinmmf doctor``. It stands on the public API only."""
