"""The attempts of a call: what is published, what comes of it, and whether it is tried again."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bridge.backoff import Backoff
from bridge.client.call import FIRST_WAIT, LONGEST_WAIT, Call
from bridge.client.errors import (
    BridgeError,
    NoReply,
    NotSent,
    RequestExpired,
    RequestFailed,
    UnreadableReply,
)
from bridge.client.link import Link, log
from bridge.client.publisher import Lost, Refused, Suspected
from bridge.client.replies import Reply, read_body
from bridge.client.session import Session

_T = TypeVar("_T")


async def converse(call: Call, session: Session) -> Reply:
    """Publish a request and read its reply."""
    message = call.next_message(session.reply_to)
    answer = await session.ask(message, call.routing_key, alone=call.suspected)
    return Reply(
        body=read_body(answer.body, answer.headers),
        headers=answer.headers,
        message_id=call.message_id,
        correlation_id=call.correlation_id,
        idempotency_key=call.idempotency_key,
    )


async def publish(call: Call, session: Session) -> None:
    """Publish a request that nobody waits for."""
    await session.publish(call.next_message(None), call.routing_key, alone=call.suspected)


async def repeat(call: Call, link: Link, attempt: Callable[[Call, Session], Coroutine[Any, Any, _T]]) -> _T:
    """Repeat `attempt` as long as that makes sense; the deadline is the caller's to keep.

    Raises `bridge.client.errors.BridgeError`.
    """
    backoff = Backoff(FIRST_WAIT, LONGEST_WAIT, least=0.5)
    told: RequestFailed | None = None
    cut_off = False
    while True:
        call.stage = "a connection"
        session = await link.session()
        call.stage = "an answer"
        doubtful, call.doubtful = call.doubtful, True
        last: BridgeError
        try:
            return await attempt(call, session)
        except Suspected as lost:
            call.suspected, last = True, NoReply(str(lost))
        except Lost as lost:
            cut_off, last = True, NoReply(str(lost))
        except Refused as refused:
            call.doubtful, last = doubtful, NotSent(f"RabbitMQ does not take the request: {refused}")
        except NotSent as refused:
            # What RabbitMQ refuses for good now that it is alone, it refused among others, too.
            call.doubtful = doubtful if refused.retryable else cut_off
            raise call.given_up(refused) from refused.__cause__
        except RequestFailed as failure:
            if not failure.retryable:
                raise call.about(failure) from None
            # That the time is up, in the end, is no reason: what was said before is.
            told = told if told is not None and isinstance(failure, RequestExpired) else failure
            call.doubtful, last = doubtful, told
        except UnreadableReply as error:
            raise call.about(error) from error.__cause__
        call.stage, call.problem = "another attempt", last.text
        wait = backoff.next()
        if wait + call.margin >= call.left:
            raise call.given_up(last)
        log.debug("%s is sent again in %.1f s: %s", call.address.subtopic, wait, last.text)
        await asyncio.sleep(wait)
