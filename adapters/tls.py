"""Whom we trust over HTTPS: the same for every client of a process, for to read the list takes 30 ms."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """The usual certificate authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, as httpx knows them."""
    return httpx.create_ssl_context()
