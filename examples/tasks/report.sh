#!/bin/sh
# lgtask: singleton timeout=5m
# Writes what it was given and how full the disk is. The class is "report", a
# singleton: a report that comes while another runs ends as aborted.
set -eu

kwargs=$(cat)
lgtaskprocessor progress "measuring the disk"
df -P "$LGTASK_TASK_DIR" | awk 'NR == 2 {print "the disk is " $5 " full"}'
echo "report on $LGTASK_TASK_PROCESSOR: $kwargs"
