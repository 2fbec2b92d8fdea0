"""`python -m inpaintdiff`."""

import sys

from inpaintdiff.cli import main

sys.exit(main())
