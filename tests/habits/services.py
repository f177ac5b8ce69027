# SPDX-License-Identifier: Apache-2.0
"""What the applications of habits.py talk to: prints a line NAME=WHERE for each, and serves
until its standard input ends."""

import http.server
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import fakeredis
import grpc
import secantus.server


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(self.path[1:].encode())

    def do_POST(self):
        left = int(self.headers.get("Content-Length") or 0)
        chunked = self.headers.get("Transfer-Encoding") == "chunked"
        while chunked and (left := int(self.rfile.readline(), 16)):
            self.rfile.read(left + 2)
        self.rfile.read(2 if chunked else left)
        self.answer(b"{}")

    do_PUT = do_POST

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


def main():
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    redis = fakeredis.TcpFakeServer(("127.0.0.1", 0))
    for server in (web, redis):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    rpc = grpc.server(ThreadPoolExecutor(8), handlers=[Echo()])
    mongodb = secantus.server.SecantusDBServer(port=0, storage_path=sys.argv[1])
    mongodb.start()
    print(f"MONGODB={mongodb.uri}")
    print(f"WEB=http://127.0.0.1:{web.server_port}")
    print(f"REDIS={redis.server_address[1]}")
    print(f"GRPC={rpc.add_insecure_port('127.0.0.1:0')}", flush=True)
    rpc.start()
    sys.stdin.read()
    mongodb.stop()


main()
