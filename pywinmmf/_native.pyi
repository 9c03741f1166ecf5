# Made at build time from wmmf.h, which is where its declarations are.
from typing import Any

ffi: Any
lib: Any
