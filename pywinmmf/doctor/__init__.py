"""What this machine lets the library do: ``pywinmmf doctor``. It uses the public API only."""
