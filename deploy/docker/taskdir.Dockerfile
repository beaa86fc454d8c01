# Images of a folder of tasks. The context is the folder, or the module it lies in
# with TASK_DIR as the path to it:
#
#   docker build -f taskdir.Dockerfile -t mytasks .
#   docker build -f taskdir.Dockerfile --target executables -t mytasks .
#   docker build -f taskdir.Dockerfile --target mixed -t mytasks --build-arg TASK_DIR=tasks .
#
# The folder has       target        the image is
# Go tasks             go (default)  their program on an empty base
# executables          executables   the folder on RUNTIME_IMAGE, run by lgtaskprocessor
# both                 mixed         both on RUNTIME_IMAGE
#
# PROCESSOR_IMAGE is the image of Dockerfile. RUNTIME_IMAGE needs chmod and what the
# executables need.
ARG PROCESSOR_IMAGE=lgtask
ARG GO_IMAGE=docker.io/library/golang:1.25
ARG RUNTIME_IMAGE=docker.io/library/python:3.13-slim

FROM ${PROCESSOR_IMAGE} AS processor

FROM ${RUNTIME_IMAGE} AS executables
ARG TASK_DIR=.
COPY --from=processor /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=processor /lgtaskprocessor /usr/local/bin/lgtaskprocessor
# Files belong to root, and a mode that let somebody else write would be refused.
# The user of the container can read and execute them, whatever the umask of
# those who wrote them was.
COPY ${TASK_DIR}/ /tasks/
RUN ["chmod", "-R", "a+rX,go-w,ug-s", "/tasks"]
ENV LGTASK_TASK_DIR=/tasks LGTASK_LOCK_DIR=/tmp/lgtask
WORKDIR /
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["/usr/local/bin/lgtaskprocessor", "health"]
ENTRYPOINT ["/usr/local/bin/lgtaskprocessor"]
CMD []

FROM ${GO_IMAGE} AS build
ARG TASK_DIR=.
# lgtaskprocessor builds a static program that depends on nothing but the sources
# and the version of Go, with the time zones in it.
ENV GOTOOLCHAIN=local
COPY --from=processor /lgtaskprocessor /usr/local/bin/lgtaskprocessor
COPY . /src
RUN ["chmod", "-R", "go-w,ug-s", "/src"]
WORKDIR /src/${TASK_DIR}
RUN ["/usr/local/bin/lgtaskprocessor", "build", "-o", "/processor", "."]

# A program that lgtaskprocessor built runs the executables as well, and leaves Go
# files alone.
FROM executables AS mixed
COPY --from=build /processor /processor
ENTRYPOINT ["/processor"]

# User, health check, roots and /tmp are those of the processor's image.
FROM processor AS go
COPY --from=build /processor /processor
ENTRYPOINT ["/processor"]
