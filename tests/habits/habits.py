# SPDX-License-Identifier: Apache-2.0
"""What well-known libraries do at import, as sites have it: text of a module, whose `work()`
proves in a request that what the import made works, and what `preload: auto` finds of it ("":
workers may share the import).

In the environment: POSTGRES (a connection string), MONGODB, REDIS, GRPC (port), WEB (the
address of a server that answers each GET of /X with X and takes whatever is posted)."""

PACKAGES = ["apscheduler", "ddtrace", "django", "fakeredis", "grpcio", "gunicorn", "httpx",
            "numpy", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http",
            "opentelemetry-instrumentation-wsgi", "psycopg[binary,pool]", "pymongo", "redis", "requests", "secantusdb",
            "sentry-sdk", "sqlalchemy", "zodb"]

_ASK = """
def work():
    mine = os.urandom(8).hex()
    with connect() as connection:
        assert ask(connection, mine) == mine, "another's answer"
"""
_WEB = """
web = os.environ["WEB"]
def work():
    mine = os.urandom(8).hex()
    assert session.get(f"{web}/{mine}").text == mine, "another's answer"
session.get(web + "/key")
"""
_SENTRY = """
import sentry_sdk
sentry_sdk.init(dsn=os.environ["WEB"].replace("//", "//key@") + "/1")
def work():
    assert sentry_sdk.capture_message(os.urandom(8).hex())
    sentry_sdk.flush(20)
"""

HABITS = {
    "psycopg: a connection": ("""
import psycopg
connection, lock = psycopg.connect(os.environ["POSTGRES"]), threading.Lock()
def work():
    mine = os.urandom(8).hex()
    with lock:
        assert connection.execute("SELECT %s::text", (mine,)).fetchone() == (mine,)
""", "connection to "),
    "psycopg: an open pool": ("""
from psycopg_pool import ConnectionPool
pool = ConnectionPool(os.environ["POSTGRES"], min_size=1, open=True)
pool.wait()
connect = pool.connection
def ask(connection, mine):
    return connection.execute("SELECT %s::text", (mine,)).fetchone()[0]
""" + _ASK, "threads 'pool-1-"),
    "Django: a query on PostgreSQL": ("""
from django.conf import settings
words = dict(word.split("=") for word in os.environ["POSTGRES"].split())
settings.configure(DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": words["dbname"], "USER": words["user"],
    "HOST": words["host"]}})
import django.db
connect = django.db.connection.cursor
def ask(cursor, mine):
    cursor.execute("SELECT %s::text", [mine])
    return cursor.fetchone()[0]
with connect() as c: ask(c, "x")
""" + _ASK, ""),
    "SQLAlchemy: a query on PostgreSQL": ("""
import sqlalchemy
words = dict(word.split("=") for word in os.environ["POSTGRES"].split())
engine = sqlalchemy.create_engine(
    "postgresql+psycopg://{user}@/{dbname}?host={host}".format(**words))
connect = engine.connect
def ask(connection, mine):
    return connection.scalar(sqlalchemy.text("SELECT CAST(:m AS text)"), {"m": mine})
with connect() as c: ask(c, "x")
""" + _ASK, ""),
    "httpx: a session": ("import httpx\nsession = httpx.Client(timeout=60)" + _WEB,
                         "connection to 127.0.0.1:"),
    "requests: a session": ("import requests\nsession = requests.Session()" + _WEB,
                            "connection to 127.0.0.1:"),
    "APScheduler: started": ("""
from apscheduler.schedulers.background import BackgroundScheduler
scheduler = BackgroundScheduler()
scheduler.start()
def work():
    done = threading.Event()
    scheduler.add_job(done.set)
    assert done.wait(20), "no job runs"
""", "thread 'APScheduler'"),
    "ZODB: an open FileStorage": ("""
import transaction, ZODB, ZODB.FileStorage
database = ZODB.DB(ZODB.FileStorage.FileStorage(HERE + "/Data.fs"))
def work():
    connection = database.open()
    connection.root()["x"] = connection.root().get("x", 0) + 1
    transaction.commit()
    connection.close()
""", "lock on "),
    "numpy: numbers at random": ("""
import numpy.random
def work():
    with open(HERE + "/drawn", "a") as file:
        file.write(f"{numpy.random.random()}\\n")
""", ""),
    "OpenTelemetry: spans in batches": ("""
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
class Sink(SpanExporter):
    seen = threading.Event()
    def export(self, spans):
        Sink.seen.set()
        return SpanExportResult.SUCCESS
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Sink(), schedule_delay_millis=10))
tracer = provider.get_tracer(__name__)
def work():
    Sink.seen.clear()
    tracer.start_span("request").end()
    assert Sink.seen.wait(20), "the span is lost"
""", ""),
    "OpenTelemetry: OTLP over HTTP": ("""
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(
    OTLPSpanExporter(endpoint=os.environ["WEB"] + "/v1/traces"), schedule_delay_millis=10))
tracer = provider.get_tracer(__name__)
def work():
    tracer.start_span("request").end()
    assert provider.force_flush(20_000)
""", ""),
    "ddtrace: instrumented": ("""
os.environ["DD_TRACE_AGENT_URL"] = os.environ["WEB"]
os.environ["DD_INSTRUMENTATION_TELEMETRY_ENABLED"] = "false"
import ddtrace.auto
from ddtrace.trace import tracer
def work():
    with tracer.trace("request"):
        pass
""", ""),
    "grpc: a channel in use": ("""
import grpc
channel = grpc.insecure_channel("127.0.0.1:" + os.environ["GRPC"])
echo = channel.unary_unary("/test.Test/Echo")
assert echo(b"x", timeout=20) == b"x"
def work():
    mine = os.urandom(8)
    assert echo(mine, timeout=20) == mine
""", ""),
    "redis: a client in use": ("""
import redis
client = redis.Redis(port=int(os.environ["REDIS"]))
client.ping()
def work():
    mine = os.urandom(8).hex()
    client.set(mine, mine)
    assert client.get(mine).decode() == mine
""", ""),
    "pymongo: a client in use": ("""
import pymongo
client = pymongo.MongoClient(os.environ["MONGODB"])
table = client.test.test
client.admin.command("ping")
def work():
    mine = os.urandom(8).hex()
    table.insert_one({"_id": mine})
    assert table.find_one({"_id": mine})["_id"] == mine
""", ""),
    "sentry: without an event": (_SENTRY, ""),
    "sentry: an event at import": (_SENTRY + "work()\n", "thread 'sentry-sdk.BackgroundWorker'"),
}
