"""What keeps the stacks' keys: as much of a Vault server as Pulumi's secrets providers ask for.

With a passphrase, the default, each `pulumi` command takes 0.16 s of processor time to derive the
key from it. Stacks in the tests have a key of their own instead. Their secrets are encrypted just
the same; only the key itself lies in the open.
"""

from __future__ import annotations

import functools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRETS_PROVIDER = "hashivault://tests"
"""For `pulumi stack init --secrets-provider`."""


class _Keys(BaseHTTPRequestHandler):
    """Encrypts and decrypts a stack's key, by not changing it."""

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        names = ("plaintext", "ciphertext")
        given, answered = names if "/encrypt/" in self.path else names[::-1]
        answer = json.dumps({"data": {answered: body[given]}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args: object) -> None:
        """Nothing."""


@functools.cache
def key_service() -> dict[str, str]:
    """The variables that lead `pulumi` to this process's server, which is started if need be."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Keys)
    threading.Thread(target=server.serve_forever, name="key service", daemon=True).start()
    return {
        "VAULT_SERVER_URL": f"http://127.0.0.1:{server.server_port}",
        "VAULT_SERVER_TOKEN": "any",
    }
