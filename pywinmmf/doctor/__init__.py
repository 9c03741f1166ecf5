"""``pywinmmf doctor``: checks what works on this machine. It uses only the public API."""
