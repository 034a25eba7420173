"""Makes the translator importable: it is a tool of the repository, not a part of the package."""

from __future__ import annotations

import sys

from sql.support import ROOT

sys.path.insert(0, str(ROOT / "tools"))
