"""The parts of ``generate.py``: reading wmmf.h, and writing what C# and Python have of it."""
