"""``python -m percepkit`` is the command ``percepkit``."""

from percepkit.cli.main import main

if __name__ == "__main__":
    main()
