"""Messages to shoppers: text with places to fill, in the shopper's language. No code, no loops, no attributes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError
from jinja2 import nodes as parts
from jinja2.sandbox import ImmutableSandboxedEnvironment

_ALLOWED = (parts.Template, parts.Output, parts.TemplateData, parts.Name)


class UnfilledError(ValueError):
    """A place has no value."""


def problems(text: str) -> str:
    """What is wrong with a template; empty if nothing is."""
    try:
        tree = _environment().parse(text)
    except TemplateSyntaxError as error:
        return f"line {error.lineno}: {error.message}"
    for node in tree.find_all(parts.Node):
        if not isinstance(node, _ALLOWED):
            return f"line {node.lineno}: only {{{{ name }}}} is allowed, no {type(node).__name__.lower()}"
    return ""


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with its places filled. `UnfilledError` names the one that has no value."""
    try:
        return _environment().from_string(text).render(dict(values))
    except UndefinedError as error:
        raise UnfilledError(str(error)) from None
    except TemplateError as error:
        raise UnfilledError(f"the template cannot be filled: {type(error).__name__}") from None


def language(texts: Mapping[str, str], locale: str) -> str:
    """The tag that fits best: the same, the same language, else the first."""
    wanted = locale.lower().replace("_", "-")
    tags = {tag.lower(): tag for tag in texts}
    if wanted in tags:
        return tags[wanted]
    base = wanted.partition("-")[0]
    near = [tag for low, tag in tags.items() if base and low.partition("-")[0] == base]
    return near[0] if near else next(iter(texts))


@lru_cache
def _environment() -> ImmutableSandboxedEnvironment:
    # Plain text: nothing is escaped, and nothing of it is ever shown as HTML.
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
