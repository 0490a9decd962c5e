"""A server that keeps what it is sent, and answers what it is told to."""

import contextlib
import gzip
import http.server
import threading


@contextlib.contextmanager
def receiver(answer=None):
    """Yields URL and the list of (path, body); `answer(handler)` may answer otherwise."""
    kept = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _do(self):
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            kept.append((self.path, body, dict(self.headers)))
            with contextlib.suppress(OSError):
                if answer is not None and answer(self):
                    return
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

        do_POST = do_GET = _do

        def log_message(self, *given):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", kept
    finally:
        server.shutdown()
        server.server_close()
