"""The command `python -m fancam`."""

import sys

from fancam.start import fancam

sys.exit(fancam())
