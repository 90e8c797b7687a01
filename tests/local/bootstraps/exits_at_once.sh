#!/bin/sh
echo "I will not begin"
exit 3
