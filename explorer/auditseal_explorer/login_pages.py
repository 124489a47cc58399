"""The pages of those who are not let in: what happened and what to do, and nothing of the vault."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from auditseal_explorer.auditor import is_program

_TEMPLATE = Environment(
    loader=PackageLoader("auditseal_explorer"), autoescape=True, undefined=StrictUndefined
).get_template("login.html.j2")


def login_page(request: Request, title: str, text: str, status: int) -> Response:
    """Return the answer to someone who is not let in: a page, or one line for a program that uses the API.

    Args:
        request: The request.
        title: What happened.
        text: Why, and what to do.
        status: The HTTP status.
    """
    if is_program(request):
        return PlainTextResponse(f"{title}: {text}", status)
    return HTMLResponse(_TEMPLATE.render(title=title, text=text), status)
