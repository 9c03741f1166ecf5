"""Cameras that one program owns and all others see."""
