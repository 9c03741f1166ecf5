"""The benchmark: figures as ratios to bare C on the same machine, beside whichever peers are installed."""
