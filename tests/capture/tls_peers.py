"""Python's ssl module on both ends of a connection, without a network: run as a program, with OPENSSL_CONF set.

Its arguments are the certificate's file, the key log to write, TLS 1.2's cipher, and "retry" where the server shall
ask the client for another key share; TLS 1.3's cipher and the version can be set only by OPENSSL_CONF. Standard input
holds the application's flights, and standard output gets those on the wire, both as JSON: a list of [sender, hex].
"""

from __future__ import annotations

import json
import ssl
import sys


def main(certificate: str, keylog: str, cipher: str, retry: str) -> None:
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname, client_context.verify_mode = False, ssl.CERT_NONE
    client_context.keylog_filename = keylog
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate)
    if cipher:
        client_context.set_ciphers(cipher)
        server_context.set_ciphers(cipher)
    if retry:
        server_context.set_ecdh_curve("secp384r1")
    written, taken = ({side: ssl.MemoryBIO() for side in ("client", "server")} for _ in range(2))
    ends = {
        "client": client_context.wrap_bio(taken["server"], written["client"]),
        "server": server_context.wrap_bio(taken["client"], written["server"], server_side=True),
    }
    sent: list[tuple[str, str]] = []

    def carry(sender: str) -> None:
        """Bring what a side has written to the other one."""
        if data := written[sender].read():
            sent.append((sender, data.hex()))
            taken[sender].write(data)

    waiting = ["client", "server"]
    while waiting:
        for side in tuple(waiting):
            try:
                ends[side].do_handshake()
                waiting.remove(side)
            except ssl.SSLWantReadError:
                pass
            carry(side)
    for sender, text in json.load(sys.stdin):
        ends[sender].write(bytes.fromhex(text))
        carry(sender)
    json.dump(sent, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
