#!/bin/sh
# Tells what it sees of the machine, and exits.
echo "files: $(ls -A /tmp | tr '\n' ' ')"
echo "processes: $(ls -d /proc/[0-9]* | wc -l)"
echo "user: $(id -u) of $(id -g)"
echo "own number: $$"
echo mine >/tmp/mine
