"""What the documents name is there: a test that was renamed must not leave a claim without its proof."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"


@pytest.mark.skipif(not DOCS.is_dir(), reason="the documents are not shipped with the wheel")
def test_every_test_that_the_page_on_security_names_exists() -> None:
    text = (DOCS / "security.md").read_text()
    files = set(re.findall(r"`((?:\w+/)?\w+\.py)", text))
    assert files >= {"web/test_web.py", "context/test_injection.py"}
    assert sorted(name for name in files if not (TESTS / name).is_file()) == []
    source = "\n".join((TESTS / name).read_text() for name in files)
    named = set(re.findall(r"\btest_\w+(?=`)", text))
    assert sorted(name for name in named if f"def {name}(" not in source) == []
