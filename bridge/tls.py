"""TLS to RabbitMQ, Redis and LCM: the context of a connection, and what a failure means to a person.

Certificates are verified in every case, names too. What the library of a server can do beside that is said
in the query of its URL.
"""

import re
import ssl
from collections.abc import Iterator
from typing import Final, NamedTuple

from bridge.settings.group import TlsFiles


def context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context that trusts ``ca_file``, or else what the system trusts, and shows ``cert_file``.

    Raises OSError (also ssl.SSLError) for files that cannot be loaded.
    """
    made = new_context(cafile=files.ca_file or None)
    if files.cert_file:
        load_certificate(made, files.cert_file, files.key_file)
    return made


def new_context(**trusted: str | bytes | None) -> ssl.SSLContext:
    """Return Python's default context, which speaks TLS 1.2 or later.

    Not every Python sees to that: Debian's leaves it to OpenSSL. ``trusted`` is whom to trust, as
    `ssl.create_default_context` takes it. Raises OSError (also ssl.SSLError) for files that cannot be loaded.
    """
    return without_old_versions(ssl.create_default_context(**trusted))  # type: ignore[arg-type] # names as there


def without_old_versions(made: ssl.SSLContext) -> ssl.SSLContext:
    """Have a context speak TLS 1.2 or later, and return it."""
    if made.minimum_version is not ssl.TLSVersion.TLSv1_3:
        made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def load_certificate(made: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    """Have a context show a certificate. Raises OSError (also ssl.SSLError)."""
    # Without a password, an encrypted key would ask for one at the terminal.
    made.load_cert_chain(cert_file, key_file or None, password="")


class Trouble(NamedTuple):
    """Why a server could not be spoken to: what was ``found``, and the ``advice`` what to change."""

    found: str
    advice: str


def trouble(error: BaseException, group: str, url: str) -> Trouble | None:
    """Say why TLS failed, without the server's name; None if it is not TLS that failed.

    ``group`` and ``url``: the server's group of settings and the setting that says where it is, such as
    ``lcm`` and ``lcm.base_url``. Libraries pass OpenSSL's errors on as a cause, as a context or as text.
    """
    text = " / ".join(str(one) for one in _chain(error))
    if refused := _REFUSED.search(text):
        return _of_its_certificate(refused[1], group, url)
    if failed := _FAILED.search(text):
        return _of_the_handshake(failed[1], group, url)
    return None


def certificate_refused(error: BaseException) -> bool:
    """Tell whether the server said that it does not accept our certificate, or wants one.

    It says so in the handshake, or (TLS 1.2, where a path asks for more) before it acts on a request.
    """
    # Not by the text alone: LCM's own words may be in that.
    return any(isinstance(one, ssl.SSLError) and _ALERT.search(str(one)) for one in _chain(error))


_ALERT: Final = re.compile(
    r"\[SSL: [A-Z0-9]+_ALERT_(CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)"
)
_REFUSED: Final = re.compile(r"certificate verify failed: ([^(\n]*?)\.? *(?:\(|$|\n|')")
_FAILED: Final = re.compile(r"\[SSL: ([A-Z0-9_]+)\]")

_LONGEST_CHAIN: Final = 10


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if one is None:
            return
        yield one
        one = one.__cause__ or one.__context__


# What OpenSSL says of a certificate, and what that means; the first that fits counts.
_OF_ITS_CERTIFICATE: Final = (
    (
        ("expired",),
        "its certificate has expired",
        "have whoever runs it renew it; or is it the CA in {group}.ca_file that has?",
    ),
    (("not yet valid",), "its certificate is not valid yet", "compare the clocks of both machines"),
    (
        ("mismatch",),
        "its certificate is for another name",
        "write the host in {url} as the certificate names it",
    ),
    (
        ("self", "issuer", "first certificate", "signature"),
        "its certificate is not signed by a CA that is trusted",
        "set {group}.ca_file to the CA that signed it",
    ),
)

# The same of the ends of a handshake; what begins with an alert is what the server says.
_OF_THE_HANDSHAKE: Final = (
    (("CERTIFICATE_REQUIRED",), "it asks for a client certificate", "set {files}"),
    (
        ("HANDSHAKE_FAILURE",),
        "it ended the TLS handshake",
        "it may ask for a client certificate: set {files}",
    ),
    (
        ("UNKNOWN_CA",),
        "it does not trust the CA of the client certificate",
        "set {files} to a certificate of a CA that it trusts",
    ),
    (("ALERT_CERTIFICATE_EXPIRED",), "the client certificate has expired", "renew {files}"),
    (
        ("ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE", "ALERT_ACCESS"),
        "it refuses the client certificate",
        "see {files}",
    ),
    (
        ("UNSUPPORTED_PROTOCOL", "ALERT_PROTOCOL_VERSION"),
        "it speaks no version of TLS that is still safe",
        "have whoever runs it allow TLS 1.2 or 1.3",
    ),
    (
        ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"),
        "it does not speak TLS on this port",
        "see the scheme and the port in {url}",
    ),
)


def _of_its_certificate(said: str, group: str, url: str) -> Trouble:
    for words, found, advice in _OF_ITS_CERTIFICATE:
        if any(word in said for word in words):
            return Trouble(found, advice.format(group=group, url=url))
    return Trouble(f"its certificate is refused: {said}", f"see it, and {group}.ca_file")


def _of_the_handshake(reason: str, group: str, url: str) -> Trouble:
    files = f"{group}.cert_file and {group}.key_file"
    for words, found, advice in _OF_THE_HANDSHAKE:
        if any(word in reason for word in words):
            return Trouble(found, advice.format(files=files, url=url))
    return Trouble(f"TLS failed ({reason.lower().replace('_', ' ')})", f"see {url} and {files}")
