"""Inserts tasks as a program that does not know lgtask would: with insert_one.

usage: insert.py DATABASE      (the server's address is in INSERT_ADDRESS)

Each malformed document is followed by a good one. For each insert a line of JSON
is printed:
  case     what is special about the document; also in its field "case"
  code     the server's error code if it refused the document, else 0
  reason   for a malformed one: a word that the reason for its end must contain
  schema   for a malformed one: the collection's schema speaks of it, so that the
           server may refuse it
  waits    for a malformed one: it is seen when it is inserted, but not looked for
           afterwards
"""

import datetime
import json
import os
import sys
import time
import uuid

import pymongo
from bson.int64 import Int64
from pymongo.errors import WriteError

MISSING = object()


def deep(levels):
    doc = {}
    for _ in range(levels):
        doc = {"a": doc}
    return doc


def in_seconds(s):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=s)


GOOD = {
    "minimal": {},
    "string _id": {"_id": "from-python"},
    "int _id": {"_id": 42},
    "long _id": {"_id": Int64(2**40)},
    "UUID _id": {"_id": uuid.uuid4()},
    "kwargs missing": {"kwargs": MISSING},
    "kwargs null": {"kwargs": None},
    "others null": {"taskName": None, "priority": None, "tsRequest": None, "tsInsert": None, "attempt": None},
    "taskName": {"taskName": "from python"},
    "priority": {"priority": 5.0},
    "further field": {"traceId": "abc", "tags": ["x", 1]},
    "past": {"tsRequest": in_seconds(-3600)},
    "delayed": {"tsRequest": 1.5},  # seconds from the insert
}

# These look like tasks of classes that other processes have.
WAITS = {"class with a slash"}

# name: (fields, word of the reason, whether the schema speaks of it)
MALFORMED = {
    "kwargs a list": ({"kwargs": [1, 2]}, "kwargs", False),
    "kwargs a string": ({"kwargs": "n=1"}, "kwargs", False),
    "kwargs too deep": ({"kwargs": deep(40)}, "nested", False),
    "kwarg of another type": ({"kwargs": {"n": "seven"}}, "n", False),
    "taskName a number": ({"taskName": 7}, "taskName", False),
    "taskName with a control character": ({"taskName": "a\nb"}, "taskName", False),
    "tsRequest a string": ({"tsRequest": "2026-01-01T00:00:00Z"}, "tsRequest", False),
    "tsRequest a number": ({"tsRequest": Int64(1700000000)}, "tsRequest", False),
    "negative attempt": ({"attempt": -1}, "attempt", False),
    "maxAttempts a string": ({"maxAttempts": "three"}, "maxAttempts", True),
    "subdocument _id": ({"_id": {"a": 1}}, "_id", False),
    "empty _id": ({"_id": ""}, "_id", False),
    "fractional _id": ({"_id": 1.5}, "_id", False),
    "priority high": ({"priority": "high"}, "priority", True),
    "priority out of range": ({"priority": 1000}, "priority", False),
    "class with a slash": ({"taskClass": "Wo/rk"}, "taskClass", False),
    "class a number": ({"taskClass": 7}, "taskClass", False),
    "class missing": ({"taskClass": MISSING}, "taskClass", True),
    "pendingKey a number": ({"pendingKey": 3}, "pendingKey", False),
}


def insert(tasks, case, fields, n=0, reason="", schema=False):
    doc = {"taskClass": "Work", "state": "request", "kwargs": {"n": n, "sent": time.time()}, "case": case}
    doc.update(fields)
    if case == "delayed":
        doc["tsRequest"] = in_seconds(fields["tsRequest"])
    doc = {k: v for k, v in doc.items() if v is not MISSING}
    code = 0
    try:
        tasks.insert_one(doc)
    except WriteError as e:
        code = e.code
    line = {"case": case, "code": code, "reason": reason, "schema": schema, "waits": case in WAITS}
    print(json.dumps(line), flush=True)


def main(database):
    client = pymongo.MongoClient(os.environ["INSERT_ADDRESS"], uuidRepresentation="standard")
    tasks = client[database]["tasks"]
    for case, fields in GOOD.items():
        insert(tasks, case, fields)
    for n, (case, (fields, reason, schema)) in enumerate(MALFORMED.items()):
        insert(tasks, case, fields, reason=reason, schema=schema)
        insert(tasks, "after " + case, {}, n=n)
    client.close()


main(sys.argv[1])
