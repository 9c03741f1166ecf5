"""``pywinmmf demo``: one process owns a camera, others see its pictures at the same time.

Needs the extra ``demo`` (OpenCV, NumPy, rich).
"""
