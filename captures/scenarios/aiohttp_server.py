"""A server of aiohttp that sends every message back: `python aiohttp_server.py HOST PORT SUBPROTOCOL...`."""

import logging
import sys

from aiohttp import WSMsgType, web

HOST, PORT, *SUBPROTOCOLS = sys.argv[1:]

logging.getLogger("aiohttp").setLevel(logging.ERROR)  # no common subprotocol is what the scenario wants


async def send_back(request: web.Request) -> web.WebSocketResponse:
    response = web.WebSocketResponse(protocols=SUBPROTOCOLS, compress=False)
    await response.prepare(request)
    async for message in response:
        if message.type is WSMsgType.TEXT:
            await response.send_str(message.data)
    return response


application = web.Application()
application.router.add_get("/{path:.*}", send_back)
web.run_app(application, host=HOST, port=int(PORT), print=lambda *_: print("listening", flush=True))
