# What is accepted where bytes come from or go to: NumPy's own types call arrays buffers only from Python 3.12 on.
from typing import Any

import numpy.typing
from _typeshed import ReadableBuffer, WriteableBuffer

AnyBuffer = ReadableBuffer | numpy.typing.NDArray[Any]
AnyWritableBuffer = WriteableBuffer | numpy.typing.NDArray[Any]
