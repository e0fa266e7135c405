"""Write docs/models.md, the page about the networks that are shipped, from their cards.

Usage: python docs/_models.py
"""

from pathlib import Path

from percepkit.baselines.dnn.model_card import models_page
from percepkit.baselines.trained import DENOISERS

if __name__ == "__main__":
    Path(__file__).with_name("models.md").write_text(models_page(DENOISERS), encoding="utf-8")
