"""The bounds on the cost of reading an S3 store's XML: no more is read, and it is inspected before it is parsed.

botocore reads the body of an answer whole, and has no setting for that. So each request is sent from here, by
botocore's own session, and as much of its answer is read as may be parsed.

expat expands the entities of a document type a hundredfold before it gives up, and a parser makes some hundred bytes of
every tag, of every line of a text, and of every escape in a key. So an answer is taken only as S3 makes it: tags and
texts of bounded number and length, and nothing else of XML.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.response import StreamingBody

MOST_BYTES = 5 << 20
"""A whole page of keys and versions of 1,024 bytes each, every byte of a key escaped, has 4.6 MiB."""
MOST_MARKUP = 100_000
"""What begins a tag or a reference, bounds an attribute or ends a line; a page of 1,000 versions has some 40,000."""
MOST_TEXT = 16 << 10
"""Bytes from one tag's beginning to the next's; a key whose bytes are all escaped has 3,072."""
_MARKUP = b"<&\"'\r\n"
# botocore runs handlers of the wildcard before its own for S3, the first of which parses the body.
_BEFORE_ANY_PARSER = "before-parse.*.*"


def guard_answers(client: Any) -> None:
    """Let a boto3 client of S3 refuse, by a ValueError, answers that cost more than any of S3's."""
    session = client._endpoint.http_session  # noqa: SLF001  (it has the user's proxies and authorities)
    client.meta.events.register("before-send.s3", partial(_send, session))
    client.meta.events.register_first(_BEFORE_ANY_PARSER, _check_answer)


class _Body:
    """An answer's body where botocore looks for a connection to read it from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _send(session: Any, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
    """Send a request and read what may be read of its answer; an object's content is left to who asked for it."""
    if request.stream_output:
        return None
    request.stream_output = True
    answer = session.send(request)
    body = StreamingBody(answer.raw, content_length=None)  # for botocore's reading of what a connection raises
    content = body.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        body.close()  # the connection with it, since nobody reads the rest
    return AWSResponse(answer.url, answer.status_code, answer.headers, _Body(content))


def _check_answer(response_dict: dict[str, Any], **_: Any) -> None:
    body = response_dict["body"]
    if isinstance(body, bytes):  # else an object's content: a stream, and no XML
        check_answer(body)


def check_answer(body: bytes) -> None:
    """Check what parsing a body can cost.

    Raises:
        ValueError: It is too long, has too much markup or too long a text, or more of XML than tags and texts.
    """
    if len(body) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes, and no more are read")
    text = body.replace(b"\0", b"")  # expat reads UTF-16 as well
    if b"<!" in text or text.count(b"<?") > 1:
        raise ValueError("it has a document type, a comment or another part that no answer of S3 has")
    markup = len(text) - len(text.translate(None, _MARKUP))
    if markup > MOST_MARKUP:
        raise ValueError(f"it has {markup} tags, references, quotes and lines; at most {MOST_MARKUP} are read")
    if max(map(len, text.split(b"<"))) > MOST_TEXT:
        raise ValueError(f"it has a text or a tag of more than {MOST_TEXT} bytes")
