#!/bin/sh
# lgtask: timeout=1m
# Leaves a process without a parent, which the first process of the container
# inherits, and writes the kwargs.
(sleep 0.2 </dev/null >/dev/null 2>&1 &)
cat
