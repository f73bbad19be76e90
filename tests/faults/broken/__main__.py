"""`python -m tests.faults.broken BUILD serve …`: the real server's command line, broken first."""

import sys

from server.cli import main
from tests.faults.broken.builds import BUILDS
from tests.faults.witness import tell_memory

if __name__ == "__main__":
    tell_memory()
    BUILDS[sys.argv.pop(1)]()
    main()
