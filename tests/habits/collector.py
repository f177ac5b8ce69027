# SPDX-License-Identifier: Apache-2.0
"""A collector of OpenTelemetry's that keeps nothing: prints its address, then each span that
is sent to it (OTLP over HTTP) as a line of JSON, until its standard input ends."""

import gzip
import http.server
import json
import sys
import threading

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def spans_of(request):
    for resource in request.resource_spans:
        about = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {"name": span.name, "service": about.get("service.name"),
                       "trace": span.trace_id.hex(), "parent": span.parent_span_id.hex()}


class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        for span in spans_of(ExportTraceServiceRequest.FromString(body)):
            print(json.dumps({"path": self.path, **span}), flush=True)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_port}", flush=True)
sys.stdin.read()
