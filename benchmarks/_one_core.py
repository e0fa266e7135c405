"""Import this before NumPy: its linear algebra stays on one core, else idle threads spin and count as CPU time."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
