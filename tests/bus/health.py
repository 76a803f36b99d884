"""A server of gRPC with the health service, by Debian's python3-grpcio (the gRPC of C underneath).

The two messages are made by hand: what is tested is read by other code than what is written here.
"""

import os
import threading
from concurrent import futures

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # what is started here has no use for it

import grpc  # noqa: E402

SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def service_of(request):
    """HealthCheckRequest: field 1, a text shorter than 128 bytes, or nothing."""
    if request == b"":
        return ""
    if request[0] != 0x0A or request[1] != len(request) - 2:
        raise ValueError(f"no HealthCheckRequest: {request!r}")
    return request[2:].decode()


class Health:
    """`answers`: of a service's name, "" for the server: a status, the bytes of an answer, or a
    function of the call's context. A name that is not there is NOT_FOUND, as the protocol has it.
    `pem`: TLS with that certificate and key; `authority`: clients have to show one of its own."""

    def __init__(self, answers, pem=None, authority=None, address="127.0.0.1:0", known=True):
        self.answers, self.calls = answers, []
        self.over = threading.Event()  # what a handler that hangs waits for
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        handler = grpc.unary_unary_rpc_method_handler(self.check)  # bytes in, bytes out
        method = {"Check": handler} if known else {}
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", method),))
        self.port = self.server.add_secure_port(address, self.credentials(pem, authority)) if pem \
            else self.server.add_insecure_port(address)
        self.server.start()

    @staticmethod
    def credentials(pem, authority):
        def read(path):
            with open(path, "rb") as f:
                return f.read()

        pair = (read(pem + ".key"), read(pem + ".crt"))
        return grpc.ssl_server_credentials([pair], read(authority) if authority else None, bool(authority))

    def check(self, request, context):
        name = service_of(request)
        self.calls.append((name, dict(context.invocation_metadata()), context.time_remaining()))
        answer = self.answers.get(name)
        if callable(answer):
            answer = answer(context)
        if answer is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service ä %")
        return answer if isinstance(answer, bytes) else (bytes([8, answer]) if answer else b"")

    def hang(self, context):
        self.over.wait(60)
        return SERVING

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.server.stop(None).wait()
