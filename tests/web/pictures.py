"""Takes the pictures of the page that the README and the site show: ``docs/pictures/page-*.png``.

    python -m web.pictures        (in tests/; ``make screenshots`` does it)

The page is that of a seeded month; the browser is this machine's Chromium.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from web.browser import Visit, environment_of, launch, new_address, serving
from web.seed import seed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
WIDTH, HEIGHT = 1180, 860


@contextmanager
def _browser() -> Iterator[Browser]:
    yield from launch()


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, _browser() as browser:
        environ = environment_of(Path(home))
        ids = seed(environ, sessions=40)
        with serving(environ) as address:
            for scheme in ("light", "dark"):
                visit = Visit(
                    browser, new_address(environ, address), color_scheme=scheme, viewport={"width": WIDTH, "height": HEIGHT}
                )
                for name, path in (("page", "/?days=30"), ("session", f"/session/{ids[0]}")):
                    visit.go(path).wait_for_timeout(500)
                    visit.page.screenshot(path=PICTURES / f"{name}-{scheme}.png")
                visit.close()


if __name__ == "__main__":
    main()
