"""`python -m tests.faults.broken BUILD serve …`: the real server's command line, broken first."""

import sys

from server.cli import main
from tests.faults.broken.builds import BUILDS

if __name__ == "__main__":
    BUILDS[sys.argv.pop(1)]()
    main()
