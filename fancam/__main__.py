"""The command `python -m fancam`."""

import sys

from fancam.cli import main

sys.exit(main())
