"""Refuse a Python the course is not tested on. Runs on any Python, so no modern syntax here."""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "This course needs Python 3.11, 3.12 or 3.13, and this is Python %d.%d: install one of "
        "them and name it, for example: make PYTHON=python3.12" % sys.version_info[:2]
    )
