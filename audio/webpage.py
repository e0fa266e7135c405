"""Pages to read and listen: templates filled to HTML that loads nothing from elsewhere.

All pages share the style of ``webpage.css`` and the players of ``player.js``: sounds of one article, of which one
plays at a time, with pictures that show the place.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

__all__ = ["data_address", "render_webpage"]

HERE = Path(__file__).parent


def render_webpage(template: Path, context: Mapping[str, Any], *, style: str = "", script: str = "") -> str:
    """Fill a template; every value is HTML-escaped.

    Parameters
    ----------
    template : path
        Jinja template. It finds ``style``, ``script`` and ``script_hash`` beside the context; the hash is for a
        content security policy that lets this script run and no other.
    context : mapping
    style, script : str
        Of this page; those that all pages share come first.

    Returns
    -------
    str
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(template.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (HERE / "webpage.css").read_text(encoding="utf-8") + style
    script = (HERE / "player.js").read_text(encoding="utf-8") + script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(template.name).render(
        {**context, "style": Markup(style), "script": Markup(script), "script_hash": digest}
    )


def data_address(media_type: str, data: bytes) -> str:
    """Address that holds the data itself.

    Examples
    --------
    >>> data_address("text/plain", b"hi")
    'data:text/plain;base64,aGk='
    """
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
