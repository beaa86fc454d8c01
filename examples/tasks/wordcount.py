#!/usr/bin/env python3
# lgtask: attempts=5 timeout=1m
"""Counts the words of a file, then creates the task "report" with the result.

The class is "wordcount"; its kwarg is "file". If the file is not there yet, the
task asks for another attempt.
"""

import http.client
import json
import os
import socket
import sys


class Processor(http.client.HTTPConnection):
    """The processor that runs this task, over its Unix socket."""

    def __init__(self):
        super().__init__("task")  # the name does not matter

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(os.environ["LGTASK_SOCKET"])

    def post(self, path, value):
        self.request("POST", path, json.dumps(value))
        response = self.getresponse()
        body = response.read()
        if response.status >= 400:
            raise RuntimeError(json.loads(body)["error"])
        return json.loads(body) if body else None


def main():
    file = json.load(sys.stdin).get("file")
    if not file:
        print("the kwarg file is missing", file=sys.stderr)
        return 1  # no other attempt would help
    try:
        size = os.path.getsize(file)
        text = open(file, "rb")
    except FileNotFoundError:
        print(f"{file} is not there yet, attempt {os.environ['LGTASK_TASK_ATTEMPT']}")
        return 75  # another attempt, please
    processor = Processor()
    words = read = 0
    with text:
        for number, line in enumerate(text, 1):
            words += len(line.split())
            read += len(line)
            if number % 10_000 == 0:
                processor.post("/progress", {"read": read, "of": size})
    processor.post("/progress", {"read": read, "of": size})
    print(f"{file} has {words} words")
    made = processor.post("/call", {"verb": "create", "class": "report", "kwargs": {"file": file, "words": words}})
    print(f"created report {made['id']}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
